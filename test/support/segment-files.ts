import { open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { Damage } from '../../server/store/event-store.ts';
import { SegmentEventStore } from '../../server/store/segments/segment-event-store.ts';
import { aBatch, anEvent, FILTER, type ABatch } from './events.ts';
import { readEvents } from './read-rows.ts';

/** A store that closes when the test ends. */
export async function openStore(folder: string, segmentBytes = 1 << 26): Promise<SegmentEventStore> {
  const options = { segmentBytes, maxWaitingBytes: 1 << 26, maxGroupBytes: 1 << 23 };
  const store = await SegmentEventStore.open(folder, 0, options);
  onTestFinished(() => store.close());
  return store;
}

/** Appends batches of one event each, with timestamps from 0. */
export async function fill(store: SegmentEventStore, count: number): Promise<readonly ABatch[]> {
  const batches: ABatch[] = [];
  for (let index = 0; index < count; index++) {
    const batch = aBatch([anEvent({ timestamp: index })]);
    await store.append(batch.identity, () => batch.contents);
    batches.push(batch);
  }
  return batches;
}

export function segmentPath(folder: string, number = 1): string {
  return path.join(folder, 'segments', `${String(number).padStart(8, '0')}.jsonl`);
}

export function manifestPath(folder: string): string {
  return path.join(folder, 'manifest.jsonl');
}

export function manifestCopyPath(folder: string): string {
  return path.join(folder, 'manifest-copy.jsonl');
}

/** The two files of the manifest. */
export function manifestPaths(folder: string): readonly string[] {
  return [manifestPath(folder), manifestCopyPath(folder)];
}

/** Where each line of a file begins, and where the file ends. */
export async function lineOffsets(file: string): Promise<readonly number[]> {
  const text = await readFile(file, 'latin1');
  const offsets = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) offsets.push(at + 1);
  return offsets;
}

export async function overwrite(file: string, offset: number, text: string): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(text, offset);
  await handle.close();
}

/** What a report would find: the timestamps, and the damage passed over. */
export async function readable(
  store: SegmentEventStore,
): Promise<{ timestamps: readonly number[]; damage: readonly Damage[] }> {
  const snapshot = store.snapshot();
  const { events, damage } = await readEvents(snapshot, FILTER);
  store.release(snapshot);
  return { timestamps: events.map(({ timestamp }) => timestamp), damage };
}

/** All bytes of a store's files. */
export async function textOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = files.map((file) => readFile(path.join(file.parentPath, file.name), 'utf8'));
  return (await Promise.all(texts)).join('\n');
}
