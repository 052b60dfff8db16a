import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeReport } from '../../server/reports/report-writer.ts';
import type { ReportTask } from '../../server/reports/report-task.ts';
import { SegmentEventStore } from '../../server/store/segments/segment-event-store.ts';
import { DEFAULT_OUTPUT, type ReportOutput } from '../../shared/report.ts';
import { KERNEL_PATH } from '../support/row-kernel.ts';
import { aBatch, anEvent, FILTER } from '../support/events.ts';
import { tempFolder } from '../support/temp-folder.ts';

const BATCHES = 120;
const EVENTS_A_BATCH = 400;
const KERNEL = { kernelPath: KERNEL_PATH };
const [DIGEST, LOG] = [
  path.resolve('dist/server/digest-thread.js'),
  path.resolve('dist/server/log-thread.js'),
];

describe('a report whose checksum a thread makes', () => {
  it.each<Partial<ReportOutput>>([
    {},
    { format: 'ndjson' },
    { compression: 'gzip' },
    { columns: ['batch', 'sequence'] },
  ])('is the same as without, %j', async (output) => {
    const task = await largeTask({ ...DEFAULT_OUTPUT, ...output });
    const alone = { ...task, path: `${task.path}.alone` };

    const made = await writeReport(task, { ...KERNEL, threads: { digest: DIGEST, log: LOG } });
    const { bytes, rows, sha256 } = await writeReport(alone, KERNEL);

    expect(rows).toBe(BATCHES * EVENTS_A_BATCH);
    expect(made).toMatchObject({ rows, bytes });
    expect(made.sha256).toBe(await sha256Of(task.path));
    expect(sha256).toBe(await sha256Of(alone.path));
    expect(await textOf(task)).toBe(await textOf(alone));
  });

  it('is the same if there can be no thread', async () => {
    const task = await largeTask(DEFAULT_OUTPUT);
    // Neither absolute nor beginning with a dot, they are refused at once: as if the system had no thread left.
    const threads = { digest: 'digest-thread.js', log: 'log-thread.js' };

    const { sha256 } = await writeReport(task, { ...KERNEL, threads });

    expect(sha256).toBe(await sha256Of(task.path));
  });

  it('is the same if the thread fails, at its start or later', async () => {
    const task = await largeTask(DEFAULT_OUTPUT);
    const digest = `${task.path}.mjs`;
    for (const code of [
      'throw new Error("no thread");',
      'await new Promise((done) => setTimeout(done, 100)); throw new Error("no thread");',
    ]) {
      await writeFile(digest, code);
      const { sha256 } = await writeReport(task, { ...KERNEL, threads: { digest, log: LOG } });
      expect(sha256).toBe(await sha256Of(task.path));
    }
  });
});

async function sha256Of(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

async function textOf({ path: file, output }: ReportTask): Promise<string> {
  const bytes = await readFile(file);
  return (output.compression === 'gzip' ? gunzipSync(bytes) : bytes).toString();
}

/** Some 20 MB of rows, of which the last ones have the most values. */
async function largeTask(output: ReportOutput): Promise<ReportTask> {
  const folder = await tempFolder();
  const store = await SegmentEventStore.open(path.join(folder, 'store'), 0);
  onTestFinished(() => store.close());
  for (let number = 0; number < BATCHES; number++) {
    const events = Array.from({ length: EVENTS_A_BATCH }, (_, index) =>
      anEvent({
        timestamp: number * EVENTS_A_BATCH + index,
        context: [
          'x'.repeat(index % 400),
          `${number}|"${index}`,
          ...(number === BATCHES - 1 ? ['more'] : []),
        ],
      }),
    );
    const { identity, contents } = aBatch(events);
    await store.append(identity, () => contents);
  }
  const snapshot = store.snapshot();
  onTestFinished(() => store.release(snapshot));
  return {
    snapshot,
    filter: FILTER,
    output,
    columns: { columns: [], keys: {} },
    path: path.join(folder, 'report'),
  };
}
