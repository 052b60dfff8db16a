import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { UsageEvent } from '../../shared/event.ts';
import type { StoredEvent } from './read-rows.ts';
import { encodeBatchBody, MAX_PLACED_BYTES, writeBatchLine } from '../../server/store/segments/batch-line.ts';
import type { FilePair } from '../../server/store/segments/batch-record.ts';
import { SEAL_LIMITS, type SealLimits } from '../../server/store/segments/sealed/seal-limits.ts';
import { sealSegment, type SealedSegment } from '../../server/store/segments/sealed/seal-segment.ts';
import {
  isCluster,
  isIndexHeader,
  namedCluster,
  type SealedCluster,
} from '../../server/store/segments/sealed/sealed-index.ts';
import { aBatch, type ABatch } from './events.ts';

/** Received when `sealedBatch` says nothing else. */
export const NOW = Date.UTC(2026, 10, 1, 12);

/** A batch that was received at `NOW`. */
export function aBatchNow(events: readonly UsageEvent[], changes: Parameters<typeof aBatch>[1] = {}): ABatch {
  return aBatch(events, { ...changes, contents: { received: NOW, ...changes.contents } });
}

/** The lines of batches as a log segment has them, from a position on. */
export function logLines(batches: readonly ABatch[], firstPosition = 1): readonly Buffer[] {
  return batches.map(({ identity, contents }, index) => {
    const durable = index % 3 === 0 ? index : undefined;
    const body = encodeBatchBody(identity, contents);
    const bytes = Buffer.alloc(body.length + MAX_PLACED_BYTES);
    return bytes.subarray(0, writeBatchLine(body, firstPosition + index, durable, bytes, 0));
  });
}

export function pairIn(folder: string, name = 'sealed'): FilePair {
  return { data: path.join(folder, `${name}.jsonl`), index: path.join(folder, `${name}.index.jsonl`) };
}

/** Seals lines of a log; the pair is `pairIn(folder, name)`. */
export async function seal(
  folder: string,
  lines: readonly Buffer[],
  name = 'sealed',
  limits: SealLimits = SEAL_LIMITS,
): Promise<SealedSegment> {
  const log = path.join(folder, `${name}.log.jsonl`);
  const bytes = Buffer.concat(lines);
  await writeFile(log, bytes);
  const source = { path: log, length: bytes.length, dropped: [] };
  return sealSegment({ source, sealed: pairIn(folder, name), limits });
}

/** The lines of a file, parsed. */
export async function jsonLines(file: string): Promise<readonly unknown[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line));
}

/** The clusters of an index, with the names of their types. */
export async function clustersIn(folder: string, name = 'sealed'): Promise<readonly SealedCluster[]> {
  const lines = await jsonLines(pairIn(folder, name).index);
  const names = lines.find(isIndexHeader)?.types ?? [];
  return lines.filter(isCluster).map((line) => namedCluster(line, names));
}

/** What a report gets of batches, in the order of (timestamp, batch, sequence). */
export function storedEvents(batches: readonly ABatch[], firstPosition = 1): readonly StoredEvent[] {
  const events = batches.flatMap(({ identity, contents }, index) => {
    const refused = new Set(contents.rejected.map(({ sequence }) => sequence));
    return identity.events.flatMap((event, sequence) =>
      event === undefined || refused.has(sequence)
        ? []
        : [{ ...event, batch: identity.batch, sequence, position: firstPosition + index }],
    );
  });
  return events.toSorted(compareEvents);
}

export function compareEvents(a: StoredEvent, b: StoredEvent): number {
  return (
    a.timestamp - b.timestamp || (a.batch < b.batch ? -1 : a.batch > b.batch ? 1 : a.sequence - b.sequence)
  );
}
