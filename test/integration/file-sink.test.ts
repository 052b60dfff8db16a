import { createHash, randomBytes } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { DIGEST } from '../../server/reports/output/digest-state.ts';
import { FileSink } from '../../server/reports/output/file-sink.ts';
import { tempFolder } from '../support/temp-folder.ts';

const THREAD = path.resolve('dist/server/digest-thread.js');
/** From which on a sink makes a thread. */
const MANY = 9 * 1_048_576;
const PIECE = 65_536;
const PIECES = 60;
const IMPORTS = "import { parentPort, workerData } from 'node:worker_threads';\n";
const BEGIN = `Atomics.store(workerData.state, ${DIGEST.begun}, 1n);\n`;

/** Puts a thread's worth at once, then more while it starts; returns what the sink says, and the file's checksum. */
async function write(modulePath: string): Promise<{ said: string; bytes: number; right: string }> {
  const file = path.join(await tempFolder(), 'file');
  const handle = await open(file, 'w+');
  const sink = new FileSink(handle, modulePath);
  await sink.put(randomBytes(MANY));
  for (let piece = 0; piece < PIECES; piece++) {
    await sink.put(randomBytes(PIECE));
    await sleep(10);
  }
  const { bytes, sha256 } = await sink.end();
  await sink.close();
  await handle.close();
  const right = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  return { said: sha256, bytes, right };
}

async function moduleOf(code: string): Promise<string> {
  const file = path.join(await tempFolder(), 'thread.mjs');
  await writeFile(file, IMPORTS + code);
  return file;
}

describe('the checksum of a large file', () => {
  it('is made by a thread that begins while the file is written', async () => {
    const { said, bytes, right } = await write(THREAD);
    expect(said).toBe(right);
    expect(bytes).toBe(MANY + PIECES * PIECE);

    const answer = await moduleOf(`${BEGIN}
      for (;;) {
        const written = Atomics.load(workerData.state, ${DIGEST.written});
        if (written < 0n) break;
        Atomics.wait(workerData.state, ${DIGEST.written}, written);
      }
      parentPort.postMessage('what the thread says');`);
    expect((await write(answer)).said).toBe('what the thread says');
  });

  it('waits for no thread that has not begun by then', async () => {
    const { said, right } = await write(
      await moduleOf('await new Promise(() => setTimeout(() => {}, 60_000));'),
    );
    expect(said).toBe(right);
  });

  it('is made from the file if the thread fails when it has begun', async () => {
    const { said, right } = await write(await moduleOf(`${BEGIN} throw new Error('too late');`));
    expect(said).toBe(right);
  });
});
