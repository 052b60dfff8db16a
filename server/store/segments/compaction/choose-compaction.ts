import type { Erasure } from '../../erasure.ts';
import type { FilesInForce } from '../files-in-force.ts';
import type { IdsEntry, SealedEntry } from '../manifest-records.ts';

/** What is to be done next, by the numbers of the files. */
export type CompactionChoice =
  | { readonly kind: 'seal'; readonly segment: number }
  /** Also of one alone, of which something is to be left out. */
  | { readonly kind: 'merge'; readonly from: readonly number[] }
  /** All that it holds has expired. */
  | { readonly kind: 'drop'; readonly sealed: number }
  /** All that an erasure is for is gone. */
  | { readonly kind: 'end-erasure'; readonly erasure: number }
  | { readonly kind: 'merge-ids'; readonly from: readonly number[] };

export type Compactable = Pick<FilesInForce, 'segments' | 'sealed' | 'ids' | 'erasures' | 'expiredBefore'>;

/** Sealed segments that are merged at once; a store has fewer than this many of each order of size. */
const SEALED_FANOUT = 8;
/** Sealed segments below this are of the smallest order of size. */
const SMALL_SEALED_BYTES = 64 * 1024 * 1024;
/** Sealed segments of this size are left as they are: what is old is not rewritten for ever. */
const FULL_SEALED_BYTES = 512 * 1024 * 1024;
/** Id files that are merged at once. Each costs every request a look into its filter, so there are to be few. */
const IDS_FANOUT = 4;
const SMALL_IDS = 16_384;
const DAY_MS = 86_400_000;
/** So many segments are sealed before what is to go has a turn: it must not wait for the end of an overload. */
const SEALS_IN_A_ROW = 4;

/**
 * What there is to do, the most urgent first: sealing, oldest first, before all that rewrites, but with turns for
 * what is to be erased or has expired.
 *
 * Files are merged with those of their own order of size, so that each event is rewritten a few times
 * however large the store is: sealed segments up to a size, id files without end.
 *
 * @param sealedInARow - How many segments were sealed since anything else was done.
 */
export function* compactionChoices(
  files: Compactable,
  sealedInARow = 0,
): Generator<CompactionChoice, void, undefined> {
  const isTurn = sealedInARow >= SEALS_IN_A_ROW;
  if (isTurn) yield* removalChoices(files);
  for (const { number, length } of files.segments.values()) {
    if (length !== undefined) yield { kind: 'seal', segment: number };
  }
  if (!isTurn) yield* removalChoices(files);
  // All groups, since one that has a file that can't be read must not hold up the others.
  for (const from of idGroups([...files.ids.values()])) yield { kind: 'merge-ids', from };
  for (const from of sealedGroups([...files.sealed.values()])) yield { kind: 'merge', from };
}

/** What has to be sealed and rewritten before an erasure has come to its end, besides the active segment. */
export function* choicesBeforeEnd(
  { segments, sealed }: Pick<Compactable, 'segments' | 'sealed'>,
  { number: erasureNumber, position }: Pick<Erasure, 'number' | 'position'>,
): Generator<CompactionChoice, void, undefined> {
  for (const { number, firstPosition, length } of segments.values()) {
    if (firstPosition <= position && length !== undefined) yield { kind: 'seal', segment: number };
  }
  for (const { number, firstPosition, erasures } of sealed.values()) {
    if (erasures < erasureNumber && firstPosition <= position) yield { kind: 'merge', from: [number] };
  }
}

function* removalChoices(files: Compactable): Generator<CompactionChoice> {
  yield* erasureChoices(files);
  yield* expiryChoices(files);
}

function* erasureChoices(files: Compactable): Generator<CompactionChoice> {
  for (const { erasure, doneMs } of files.erasures.values()) {
    if (doneMs !== undefined) continue;
    const before = [...choicesBeforeEnd(files, erasure)];
    yield* before.filter(({ kind }) => kind === 'merge');
    // Also the active segment.
    const isLogged = [...files.segments.values()].some(
      ({ firstPosition }) => firstPosition <= erasure.position,
    );
    if (before.length === 0 && !isLogged) yield { kind: 'end-erasure', erasure: erasure.number };
  }
}

function* expiryChoices({ sealed, expiredBefore }: Compactable): Generator<CompactionChoice> {
  if (expiredBefore === 0) return;
  for (const { number, from, to, strayFrom, strayTo, notes } of sealed.values()) {
    const [notesFrom, notesTo] = notes ?? [null, null];
    const lasts = [to, strayTo, notesTo].filter((last) => last !== null);
    const isOver = lasts.every((last) => last < expiredBefore);
    const isDue = [
      [from, to],
      [strayFrom, strayTo],
      [notesFrom, notesTo],
    ].some(([first, last]) => hasExpired(first ?? null, last ?? null, expiredBefore));
    // Refused events are of the day on which they came, and may be younger than all others. Where nobody has
    // looked when that was, rewriting the segment does.
    if (isOver && notes !== undefined) yield { kind: 'drop', sealed: number };
    else if (isOver || isDue) yield { kind: 'merge', from: [number] };
  }
}

/** Whether so much of a range of times has expired that it pays to rewrite the segment; all of it, or a share. */
function hasExpired(from: number | null, to: number | null, expiredBefore: number): boolean {
  if (from === null || to === null) return false;
  return to < expiredBefore || expiredBefore - from >= expiredShare(to - from);
}

/** How much of a sealed segment's time must have expired before it is rewritten for that: a tenth, and a day. */
function expiredShare(timeMs: number): number {
  return Math.max(DAY_MS, timeMs / 10);
}

function* idGroups(ids: readonly IdsEntry[]): Generator<readonly number[]> {
  const byOrder = new Map<number, number[]>();
  for (const { number, count } of ids) {
    const order = orderOf(count, SMALL_IDS, IDS_FANOUT);
    const group = [...(byOrder.get(order) ?? []), number];
    byOrder.set(order, group.length === IDS_FANOUT ? [] : group);
    if (group.length === IDS_FANOUT) yield group;
  }
}

/** Neighbours only, so that the positions of a sealed segment are a range that no other one has. */
function* sealedGroups(sealed: readonly SealedEntry[]): Generator<readonly number[]> {
  const highest = orderOf(FULL_SEALED_BYTES, SMALL_SEALED_BYTES, SEALED_FANOUT);
  for (let order = 0; order <= highest; order++) {
    let run: SealedEntry[] = [];
    for (const entry of sealed) {
      const isPart = entry.bytes < FULL_SEALED_BYTES && sealedOrder(entry) <= order;
      run = isPart ? [...run, entry] : [];
      if (run.length < SEALED_FANOUT) continue;
      // Without one of this order it has been named before.
      if (run.some((part) => sealedOrder(part) === order)) yield run.map(({ number }) => number);
      run = [];
    }
  }
}

function sealedOrder({ bytes }: SealedEntry): number {
  return orderOf(bytes, SMALL_SEALED_BYTES, SEALED_FANOUT);
}

/** 0 below `small`, then one more for each `fanout` times as much. */
function orderOf(size: number, small: number, fanout: number): number {
  let order = 0;
  for (let limit = small; size >= limit; limit *= fanout) order++;
  return order;
}
