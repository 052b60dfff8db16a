import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { compactionInProcess } from '../../../../server/store/segments/compaction/compaction-process.ts';
import type { CompactionRunner } from '../../../../server/store/segments/compaction/compaction-task.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const NEVER = new AbortController().signal;
const FILES = { data: '', index: '' };

/** Has a process that does what a module says. */
async function running(module: string): Promise<CompactionRunner> {
  const file = path.join(await tempFolder(), 'child.mjs');
  await writeFile(file, `process.once('disconnect', () => process.exit());\n${module}`);
  return compactionInProcess(file);
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // There is no process of that number any more.
    return false;
  }
}

function task(inputs: number) {
  return { kind: 'merge-ids', inputs: Array.from({ length: inputs }, () => FILES), output: FILES } as const;
}

describe('the process that seals and merges', () => {
  it('is the same for one task after the other', async () => {
    const run = await running(
      `process.on('message', () => process.send({ kind: 'merge-ids', ids: { count: process.pid } }));`,
    );
    const answers = [await run(task(1), NEVER), await run(task(1), NEVER)];

    const pids = answers.map((answer) => answer.kind === 'merge-ids' && answer.ids.count);
    expect(pids[0]).toBeGreaterThan(0);
    expect(pids[1]).toBe(pids[0]);
  });

  it('is another one after its end, which fails the task that it had', async () => {
    const run = await running(`process.on('message', ({ inputs }) => {
      if (inputs.length === 3) process.exit(3);
      process.send({ kind: 'merge-ids', ids: {} });
    });`);
    await run(task(1), NEVER);
    await expect(run(task(3), NEVER)).rejects.toThrow('its process ended with code 3');
    expect(await run(task(1), NEVER)).toMatchObject({ kind: 'merge-ids' });
  });

  it('fails with the reason that it gives, and goes on', async () => {
    const run = await running(
      `process.on('message', () => process.send({ kind: 'failed', reason: 'the moon ' + process.pid }));`,
    );
    const reason = async () => run(task(1), NEVER).catch(String);
    expect(await reason()).toContain('the moon');
    expect(await reason()).toBe(await reason());
  });

  it('fails a task that comes just as it ends for having nothing to do, and is another one for the next', async () => {
    const run = await running(`process.on('message', () => {
      process.send({ kind: 'merge-ids', ids: { count: process.pid } });
    });`);
    const pidOf = async () => {
      const answer = await run(task(1), NEVER);
      return answer.kind === 'merge-ids' ? answer.ids.count : NaN;
    };
    const first = await pidOf();

    // Nobody has heard of its end when the task comes.
    process.kill(first, 'SIGKILL');
    await expect(pidOf()).rejects.toThrow('its process was ended by SIGKILL');

    const second = await pidOf();
    expect(second).not.toBe(first);
    expect(await pidOf()).toBe(second);
  });

  it('takes no process for idle that has ended', async () => {
    const run = await running(`process.on('message', () => {
      process.send({ kind: 'merge-ids', ids: { count: process.pid } });
      setTimeout(() => process.exit(), 20);
    });`);
    const answer = await run(task(1), NEVER);
    const pid = answer.kind === 'merge-ids' ? answer.ids.count : NaN;
    await expect.poll(() => isThere(pid)).toBe(false);

    expect(await run(task(1), NEVER)).toMatchObject({ kind: 'merge-ids' });
  });

  it('is killed when its owner closes', async () => {
    const run = await running(`setInterval(() => undefined, 1_000);`);
    const closing = new AbortController();
    const outcome = run(task(1), closing.signal).catch(String);
    setTimeout(() => closing.abort(), 50);
    expect(await outcome).toContain('was ended by SIGKILL');
    await expect(run(task(1), closing.signal)).rejects.toThrow();
  });
});
