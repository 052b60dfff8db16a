import type { IdsEntry, ManifestSegment, SealedEntry } from './manifest-records.ts';

/** What is to be done next, by the numbers of the files. */
export type CompactionChoice =
  | { readonly kind: 'seal'; readonly segment: number }
  | { readonly kind: 'merge'; readonly from: readonly number[] }
  | { readonly kind: 'merge-ids'; readonly from: readonly number[] };

export interface Compactable {
  readonly segments: readonly ManifestSegment[];
  /** In the order of their positions. */
  readonly sealed: readonly SealedEntry[];
  readonly ids: readonly IdsEntry[];
}

/** Sealed segments that are merged at once; a store has fewer than this many of each order of size. */
const SEALED_FANOUT = 8;
/** Sealed segments below this are of the smallest order of size. */
const SMALL_SEALED_BYTES = 64 * 1024 * 1024;
/** Sealed segments of this size are left as they are: what is old is not rewritten for ever. */
const FULL_SEALED_BYTES = 512 * 1024 * 1024;
/** Id files that are merged at once. Each costs every request a look into its filter, so there are to be few. */
const IDS_FANOUT = 4;
const SMALL_IDS = 16_384;

/**
 * What there is to do, the most urgent first: sealing, oldest first, before merging.
 *
 * Files are merged with those of their own order of size, so that each event is rewritten a few times
 * however large the store is: sealed segments up to a size, id files without end.
 */
export function* compactionChoices({
  segments,
  sealed,
  ids,
}: Compactable): Generator<CompactionChoice, void, undefined> {
  for (const { number, length } of segments) {
    if (length !== undefined) yield { kind: 'seal', segment: number };
  }
  const idFiles = chooseIds(ids);
  if (idFiles !== undefined) yield { kind: 'merge-ids', from: idFiles };
  const merged = chooseSealed(sealed);
  if (merged !== undefined) yield { kind: 'merge', from: merged };
}

function chooseIds(ids: readonly IdsEntry[]): readonly number[] | undefined {
  const byOrder = new Map<number, number[]>();
  for (const { number, count } of ids) {
    const order = orderOf(count, SMALL_IDS, IDS_FANOUT);
    const files = byOrder.get(order) ?? [];
    files.push(number);
    byOrder.set(order, files);
    if (files.length === IDS_FANOUT) return files;
  }
  return undefined;
}

/** Neighbours only, so that the positions of a sealed segment are a range that no other one has. */
function chooseSealed(sealed: readonly SealedEntry[]): readonly number[] | undefined {
  const highest = orderOf(FULL_SEALED_BYTES, SMALL_SEALED_BYTES, SEALED_FANOUT);
  for (let order = 0; order <= highest; order++) {
    let run: number[] = [];
    for (const { number, bytes } of sealed) {
      const isPart = bytes < FULL_SEALED_BYTES && orderOf(bytes, SMALL_SEALED_BYTES, SEALED_FANOUT) <= order;
      run = isPart ? [...run, number] : [];
      if (run.length === SEALED_FANOUT) return run;
    }
  }
  return undefined;
}

/** 0 below `small`, then one more for each `fanout` times as much. */
function orderOf(size: number, small: number, fanout: number): number {
  let order = 0;
  for (let limit = small; size >= limit; limit *= fanout) order++;
  return order;
}
