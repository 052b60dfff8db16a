import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { BatchRecord, FilePair } from '../../server/store/segments/batch-record.ts';

export function filePair(folder: string, name = '1'): FilePair {
  return { data: path.join(folder, `${name}.jsonl`), index: path.join(folder, `${name}.index.jsonl`) };
}

/** A record that tells which one it is. */
export function aRecord(number: number): BatchRecord {
  return { fingerprint: `1:${number.toString(16).padStart(32, '0')}`, count: number };
}

/** Records of new ids, in no order. */
export function someRecords(count: number): readonly (readonly [string, BatchRecord])[] {
  return Array.from({ length: count }, (_, number) => [randomUUID(), aRecord(number)]);
}

/** An id that begins with these hex digits and goes on with zeros. */
export function idFrom(digits: string): string {
  const hex = digits.padEnd(32, '0');
  return [0, 8, 12, 16, 20].map((at, n, all) => hex.slice(at, all[n + 1])).join('-');
}
