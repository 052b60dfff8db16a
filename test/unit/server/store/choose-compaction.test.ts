import { describe, expect, it } from 'vitest';
import {
  compactionChoices,
  type CompactionChoice,
} from '../../../../server/store/segments/compaction/choose-compaction.ts';
import type { ErasureState } from '../../../../server/store/segments/files-in-force.ts';
import type {
  IdsEntry,
  ManifestSegment,
  SealedEntry,
} from '../../../../server/store/segments/manifest-records.ts';

const MIB = 1024 * 1024;

function sealed(number: number, bytes: number): SealedEntry {
  const times = { from: 0, to: 0, strayFrom: null, strayTo: null };
  return {
    number,
    rows: 1,
    bytes,
    indexBytes: 1,
    firstPosition: number,
    lastPosition: number,
    ...times,
    notes: null,
    erasures: 0,
  };
}

function ids(number: number, count: number): IdsEntry {
  return { number, count, bytes: count * 84, indexBytes: count };
}

interface Files {
  readonly segments?: readonly ManifestSegment[];
  readonly sealed?: readonly SealedEntry[];
  readonly ids?: readonly IdsEntry[];
  readonly erasures?: readonly ErasureState[];
  readonly expiredBefore?: number;
  readonly sealedInARow?: number;
}

function choices({
  segments = [],
  sealed: sealedFiles = [],
  ids: idFiles = [],
  ...rest
}: Files): CompactionChoice[] {
  const byNumber = <Entry extends { readonly number: number }>(entries: readonly Entry[]) =>
    new Map(entries.map((entry) => [entry.number, entry]));
  return [
    ...compactionChoices(
      {
        segments: byNumber(segments),
        sealed: byNumber(sealedFiles),
        ids: byNumber(idFiles),
        erasures: new Map((rest.erasures ?? []).map((state) => [state.erasure.number, state])),
        expiredBefore: rest.expiredBefore ?? 0,
      },
      rest.sealedInARow,
    ),
  ];
}

function first(files: Files): CompactionChoice | undefined {
  return choices(files)[0];
}

/** Adds files of a size one after the other, merging as chosen; the most files at once, and the bytes rewritten for each byte. */
function grow(count: number, bytes: number): { most: number; rewritten: number; sizes: readonly number[] } {
  let files: SealedEntry[] = [];
  let [number, most, merged] = [0, 0, 0];
  for (let index = 0; index < count; index++) {
    files.push(sealed(++number, bytes));
    for (;;) {
      const choice = first({ sealed: files });
      if (choice?.kind !== 'merge') break;
      const at = files.findIndex((file) => file.number === choice.from[0]);
      const sum = choice.from.reduce((total, from) => {
        const file = files.find((found) => found.number === from);
        return total + (file?.bytes ?? NaN);
      }, 0);
      merged += sum;
      files = files.toSpliced(at, choice.from.length, sealed(++number, sum));
    }
    most = Math.max(most, files.filter((file) => file.bytes < 512 * MIB).length);
  }
  return { most, rewritten: merged / (count * bytes), sizes: files.map((file) => file.bytes) };
}

describe('what is sealed and merged next', () => {
  it('is the oldest closed log segment, and never the active one', () => {
    const segments = [
      { number: 3, firstPosition: 1, length: 10 },
      { number: 4, firstPosition: 5, length: 10 },
      { number: 5, firstPosition: 9, length: undefined },
    ];
    const eight = Array.from({ length: 8 }, (_, index) => sealed(index, MIB));

    expect(choices({ segments, sealed: eight })).toEqual([
      { kind: 'seal', segment: 3 },
      { kind: 'seal', segment: 4 },
      { kind: 'merge', from: [0, 1, 2, 3, 4, 5, 6, 7] },
    ]);
    expect(first({ segments: segments.slice(2) })).toBeUndefined();
  });

  it('is four id files of one order of size', () => {
    expect(first({ ids: [ids(1, 9), ids(2, 9), ids(3, 9)] })).toBeUndefined();
    expect(first({ ids: [ids(1, 9), ids(2, 1_000_000), ids(3, 9), ids(4, 9), ids(5, 9)] })).toEqual({
      kind: 'merge-ids',
      from: [1, 3, 4, 5],
    });
  });

  it('is eight neighbours among the sealed segments', () => {
    const small = [1, 2, 3, 4, 5, 6, 7].map((number) => sealed(number, MIB));
    expect(first({ sealed: small })).toBeUndefined();
    expect(first({ sealed: [...small, sealed(8, 600 * MIB), sealed(9, MIB)] })).toBeUndefined();
    expect(first({ sealed: [...small, sealed(8, MIB)] })).toMatchObject({ kind: 'merge' });
  });

  it('keeps few files that are not full, and rewrites each byte a few times, however large the store is', () => {
    const { most, rewritten, sizes } = grow(4_000, 45 * MIB);

    expect(most).toBeLessThanOrEqual(16);
    expect(rewritten).toBeLessThan(4);
    expect(sizes.every((bytes) => bytes < 4_096 * MIB)).toBe(true);
  });

  const DAY = 86_400_000;

  it('is what an erasure is for, first, and then its end', () => {
    const erasure = { number: 2, askedMs: 0, position: 5, customer: 'A' };
    const state = { erasure, events: 0, doneMs: undefined };
    const files = [sealed(1, MIB), { ...sealed(4, MIB), erasures: 2 }, sealed(6, MIB)];
    const active = { number: 9, firstPosition: 6, length: undefined };

    expect(choices({ sealed: files, erasures: [state], segments: [active] })).toEqual([
      { kind: 'merge', from: [1] },
    ]);
    const clean = files.slice(1);
    expect(choices({ sealed: clean, erasures: [state], segments: [active] })).toEqual([
      { kind: 'end-erasure', erasure: 2 },
    ]);
    const logged = { ...active, firstPosition: 5 };
    expect(choices({ sealed: clean, erasures: [state], segments: [logged] })).toEqual([]);
    expect(choices({ sealed: files, erasures: [{ ...state, doneMs: 1 }] })).toEqual([]);
  });

  it('is, after four segments in a row, what is to be erased or has expired, and sealing otherwise', () => {
    const erasure = { number: 2, askedMs: 0, position: 5, customer: 'A' };
    const files = {
      segments: [{ number: 3, firstPosition: 7, length: 10 }],
      sealed: [sealed(4, MIB), { ...sealed(6, MIB), to: 9 * DAY }],
      erasures: [{ erasure, events: 0, doneMs: undefined }],
      expiredBefore: 5 * DAY,
    };
    const seal = { kind: 'seal', segment: 3 };
    const removal = [
      { kind: 'merge', from: [4] },
      { kind: 'drop', sealed: 4 },
      { kind: 'merge', from: [6] },
    ];

    expect(choices({ ...files, sealedInARow: 3 })).toEqual([seal, ...removal]);
    expect(choices({ ...files, sealedInARow: 4 })).toEqual([...removal, seal]);
  });

  it('is what has expired as a whole, or by a tenth of its time and a day', () => {
    const file = (from: number, to: number, strayTo: number | null = null) => ({
      ...sealed(1, MIB),
      from: from * DAY,
      to: to * DAY,
      strayFrom: strayTo && 0,
      strayTo: strayTo && strayTo * DAY,
    });
    const choice = (entry: SealedEntry, day: number) => first({ sealed: [entry], expiredBefore: day * DAY });

    expect(choice(file(1, 3), 4)).toEqual({ kind: 'drop', sealed: 1 });
    expect(choice(file(1, 3, 9), 4)).toEqual({ kind: 'merge', from: [1] });
    expect(choice(file(1, 3), 3)).toEqual({ kind: 'merge', from: [1] });
    expect(choice(file(1, 3), 1.9)).toBeUndefined();
    expect(choice(file(1, 41), 4)).toBeUndefined();
    expect(choice(file(1, 41), 5)).toEqual({ kind: 'merge', from: [1] });
  });

  it('is no segment that holds refused events of late, but for what else it holds', () => {
    const choice = (entry: Partial<SealedEntry>, day: number) =>
      first({ sealed: [{ ...sealed(1, MIB), ...entry }], expiredBefore: day * DAY });
    const rows = { from: DAY, to: 3 * DAY };
    const none = { rows: 0, from: null, to: null };
    const days = (from: number, to: number) => ({ notes: [from * DAY, to * DAY] as const });
    const rewriting = { kind: 'merge', from: [1] };

    expect(choice({ ...rows, ...days(5, 9) }, 4)).toEqual(rewriting);
    expect(choice({ ...none, ...days(5, 9) }, 4)).toBeUndefined();
    expect(choice({ ...none, ...days(5, 9) }, 5.5)).toBeUndefined();
    expect(choice({ ...none, ...days(5, 9) }, 6)).toEqual(rewriting);
    expect(choice({ ...none, ...days(5, 9) }, 10)).toEqual({ kind: 'drop', sealed: 1 });
    expect(choice({ ...rows, to: 50 * DAY, ...days(1, 2) }, 3)).toEqual(rewriting);
    expect(choice({ ...none, notes: null }, 1)).toEqual({ kind: 'drop', sealed: 1 });
    expect(choice({ ...none, notes: null }, 0)).toBeUndefined();
  });

  it('is to look when refused events came, where nobody has', () => {
    const { notes: _, ...unknown } = sealed(1, MIB);
    const choice = (entry: SealedEntry, day: number) => first({ sealed: [entry], expiredBefore: day * DAY });

    expect(choice(unknown, 4)).toEqual({ kind: 'merge', from: [1] });
    expect(choice({ ...unknown, rows: 0, from: null, to: null }, 4)).toEqual({ kind: 'merge', from: [1] });
    expect(choice({ ...unknown, to: 50 * DAY, from: 49 * DAY }, 4)).toBeUndefined();
  });
});
