import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { linkOf } from '../support/report-client.ts';
import { startServerProcess } from '../support/server-process.ts';
import { storeReport } from '../support/stored-report.ts';
import { tempFolder } from '../support/temp-folder.ts';

const FILE_BYTES = 52_428_800;
const CLIENTS = 50;

/** Memory of a process, in bytes. */
async function residentBytes(pid: number): Promise<number> {
  const [, kilobytes = ''] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}

function open(link: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(link, { agent: false }, resolve).once('error', reject);
  });
}

/** Reads with a rest after each so many bytes. */
async function digestOf(response: IncomingMessage, restBytes: number): Promise<string> {
  const hash = createHash('sha256');
  let sinceRest = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) throw new Error('a body is bytes');
    hash.update(chunk);
    sinceRest += chunk.length;
    if (sinceRest < restBytes) continue;
    sinceRest = 0;
    await pause(20);
  }
  return hash.digest('hex');
}

it('fifty slow downloads at once arrive whole, and cost the server little memory', async () => {
  const dataFolder = await tempFolder();
  const content = Buffer.alloc(FILE_BYTES, randomBytes(9_973));
  const expected = createHash('sha256').update(content).digest('hex');
  const source = await storeReport(dataFolder, content);
  const { url, pid } = await startServerProcess({ dataFolder });
  const link = await linkOf(url, source);
  await digestOf(await open(link), FILE_BYTES);
  const before = await residentBytes(pid);
  let most = before;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      most = Math.max(most, await residentBytes(pid));
      await pause(20);
    }
  })();

  // Nobody reads yet: the server has to wait with what the sockets don't take.
  const responses = await Promise.all(Array.from({ length: CLIENTS }, () => open(link)));
  await pause(500);
  const digests = await Promise.all(responses.map((response) => digestOf(response, 4_194_304)));
  isOver = true;
  await watching;

  expect(digests).toEqual(Array.from({ length: CLIENTS }, () => expected));
}, 180_000);
