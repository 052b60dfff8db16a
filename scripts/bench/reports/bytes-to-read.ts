import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { StoreSnapshot } from '../../../server/store/event-store.ts';
import { matchingBlockBytes } from '../store/matching-block-bytes.ts';
import type { Query } from './maker.ts';
import { watchProcess } from './watch-process.ts';

/** Bytes of the blocks that a report has to read, and of the indexes of the segments that have time in common with it. */
export async function bytesToRead(snapshot: StoreSnapshot, query: Query): Promise<number> {
  const { start = -Infinity, end = Infinity } = query;
  let indexes = 0;
  for (const { files, times } of snapshot.sealed) {
    if (times.some(([from, to]) => from <= end && to >= start)) indexes += (await stat(files.index)).size;
  }
  return (await matchingBlockBytes(snapshot, { ...query, start, end })) + indexes;
}

/** What every process of Node reads before it does anything. */
export async function bytesOfNode(): Promise<number> {
  const idle = ['-e', 'setTimeout(() => {}, 100)'];
  return (await watchProcess(() => spawn(process.execPath, idle, { stdio: 'ignore' }))).bytesRead;
}
