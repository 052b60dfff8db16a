import type { RowSource, RowWindow } from './row-source.ts';
import { GUARD_BYTES } from '../sealed/log-chunks.ts';
import { findNewline } from '../../../words.ts';
import { rowTimestamp } from '../sealed/sealed-row.ts';
import { mergeRows } from './merge-rows.ts';
import { BufferPool } from './buffer-pool.ts';
import { PIECE_BYTES, RowArena } from './row-arena.ts';
import { RowOutput } from './row-output.ts';
import { ScratchFile } from './scratch-file.ts';
import { SpilledRun, type SpilledPieces } from './spilled-run.ts';

export interface SorterLimits {
  /** Of the rows that are sorted in memory. */
  readonly arenaBytes: number;
  readonly arenaRows: number;
  /** Of the runs in the scratch file that are merged at once. */
  readonly maxSpilledRuns: number;
}

/** Puts rows in order that come in none, in bounded memory: what is too much of it goes to a scratch file. */
export class RowSorter {
  readonly arena: RowArena;
  readonly #limits: SorterLimits;
  readonly #scratchPath: string;
  #scratch: ScratchFile | undefined;
  #runs: SpilledPieces[] = [];
  #groups = 0;
  readonly #buffers = new BufferPool(PIECE_BYTES + GUARD_BYTES);

  /** @param scratchPath - Made only if it is needed. */
  constructor(limits: SorterLimits, scratchPath: string) {
    this.#limits = limits;
    this.#scratchPath = scratchPath;
    this.arena = new RowArena(limits.arenaBytes, limits.arenaRows);
  }

  /** A number for rows that come in order where they have the same timestamp. */
  newGroup(): number {
    return this.#groups++;
  }

  /** Adds rows that are in order. */
  async addRun(source: RowSource): Promise<void> {
    const { arena } = this;
    const group = this.newGroup();
    for (let window = await source.next(); window !== undefined; window = await source.next()) {
      const { bytes, view, end } = window;
      for (let at = window.start; at < end;) {
        const rowEnd = findNewline(view, at, end) + 1;
        if (!arena.hasRoom(rowEnd - at)) await this.makeRoom(rowEnd - at);
        bytes.copy(arena.bytes, arena.end, at, rowEnd);
        arena.add(arena.end + rowEnd - at, rowTimestamp(bytes, at), group);
        at = rowEnd;
      }
    }
  }

  /** Makes room for a row in the arena. */
  async makeRoom(bytes: number): Promise<void> {
    await this.#spill();
    this.arena.hasRoom(bytes);
  }

  /** All rows that were added, in order. */
  async sources(): Promise<readonly RowSource[]> {
    if (this.#scratch === undefined) return this.arena.count === 0 ? [] : [sortedSource(this.arena)];
    if (this.arena.count > 0) await this.#spill();
    this.arena.free();
    const { maxSpilledRuns } = this.#limits;
    while (this.#runs.length > maxSpilledRuns) await this.#mergeSome(this.#scratch);
    const scratch = this.#scratch;
    return this.#runs.map((run) => new SpilledRun(scratch, run, this.#buffers));
  }

  async close(): Promise<void> {
    await this.#scratch?.close();
  }

  async #spill(): Promise<void> {
    this.#scratch ??= await ScratchFile.create(this.#scratchPath);
    const writer = new PieceList(this.#scratch);
    let writing: Promise<void> | undefined;
    // One piece is written while the next one is put together.
    for (const { bytes, start, end } of this.arena.takeSorted()) {
      await writing;
      writing = writer.add(bytes, start, end);
    }
    await writing;
    this.#runs.push(writer.end());
  }

  /** Merges as many of the smallest runs as there are too many, within the bound. */
  async #mergeSome(scratch: ScratchFile): Promise<void> {
    const { maxSpilledRuns } = this.#limits;
    const runs = this.#runs.toSorted((a, b) => bytesOf(a) - bytesOf(b));
    const some = runs.splice(0, Math.min(maxSpilledRuns, runs.length - maxSpilledRuns + 1));
    const writer = new PieceList(scratch);
    const pieces: { readonly buffer: Buffer; readonly length: number }[] = [];
    const output = new RowOutput({
      add: (bytes, start, end) => {
        const buffer = this.#buffers.take(end - start);
        pieces.push({ buffer, length: bytes.copy(buffer, 0, start, end) });
      },
      drained: async () => {
        for (const { buffer, length } of pieces.splice(0)) {
          await writer.add(buffer, 0, length);
          this.#buffers.give(buffer);
        }
      },
    });
    await mergeRows(
      some.map((run) => new SpilledRun(scratch, run, this.#buffers)),
      (bytes, start, end) => output.add(bytes, start, end),
    );
    await output.end();
    this.#runs = [...runs, writer.end()];
  }
}

/** Writes sorted rows to the scratch file, and notes where their pieces are. */
class PieceList {
  readonly #scratch: ScratchFile;
  readonly #offsets: number[];
  #from = Infinity;

  constructor(scratch: ScratchFile) {
    this.#scratch = scratch;
    this.#offsets = [scratch.length];
  }

  async add(bytes: Buffer, start: number, end: number): Promise<void> {
    if (this.#offsets.length === 1) this.#from = rowTimestamp(bytes, start);
    await this.#scratch.append(bytes.subarray(start, end));
    this.#offsets.push(this.#scratch.length);
  }

  end(): SpilledPieces {
    return { offsets: this.#offsets, from: this.#from };
  }
}

function bytesOf({ offsets }: SpilledPieces): number {
  return (offsets.at(-1) ?? 0) - (offsets[0] ?? 0);
}

function sortedSource(arena: RowArena): RowSource {
  const rows = arena.takeSorted();
  const next = (): Promise<RowWindow | undefined> => Promise.resolve(rows.next().value ?? undefined);
  return { from: -Infinity, next };
}
