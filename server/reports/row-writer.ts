import type { RowSink } from '../store/event-store.ts';
import type { ByteSink } from './output/byte-sink.ts';
import { RowEncoding, type RowForm } from './rows/row-encoding.ts';

/** Parts of what rows become that are held at once: the one that is written to, and those on their way. */
const REGIONS = 4;
/** How many may be on their way before somebody has to wait. */
const MAX_UNDER_WAY = 2;

/** Writes rows in the form that was asked for. */
export class RowWriter implements RowSink {
  readonly #sink: ByteSink;
  readonly #encoding: RowEncoding;
  #extra: number | undefined;
  #isBegun = false;
  /** In the order in which they were begun; they never reject. */
  readonly #underWay = new Set<Promise<void>>();
  #failure: unknown;

  /**
   * @param kernel - Of `loadKernel`.
   * @param extra - How many columns `context1`, … there are to be, of a table; undefined to have the first rows tell.
   *   If other rows have more values, `neededExtra` says so in the end, and what was written is of no use.
   */
  constructor(
    kernel: WebAssembly.Module | undefined,
    form: RowForm,
    extra: number | undefined,
    sink: ByteSink,
  ) {
    this.#extra = extra;
    this.#sink = sink;
    this.#encoding = new RowEncoding(kernel, form, REGIONS, (bytes, release) => this.#put(bytes, release));
  }

  /** Rows so far. */
  get rows(): number {
    return this.#encoding.rows;
  }

  /** How many columns `context1`, … the rows take, if that is more than there are; else undefined. */
  get neededExtra(): number | undefined {
    const needed = this.#encoding.neededExtra;
    return needed > (this.#extra ?? 0) ? needed : undefined;
  }

  add(bytes: Buffer, start: number, end: number): void {
    this.#extra ??= this.#encoding.extraOf(bytes, start, end);
    this.#begin(this.#extra);
    this.#encoding.encode(bytes, start, end);
  }

  drained(): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#underWay.size < MAX_UNDER_WAY) return undefined;
    const [oldest] = this.#underWay;
    return oldest;
  }

  /** Writes what is left, and what belongs to a report without rows, too; resolves when the sink has all. */
  async finish(): Promise<void> {
    this.#begin(this.#extra ?? 0);
    this.#encoding.flush();
    await this.close();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #begin(extra: number): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#encoding.begin(extra);
  }

  #put(bytes: Buffer, release: () => void): void {
    if (this.#failure !== undefined) {
      release();
      return;
    }
    const write = this.#write(bytes, release).then(() => void this.#underWay.delete(write));
    this.#underWay.add(write);
  }

  async #write(bytes: Buffer, release: () => void): Promise<void> {
    try {
      await this.#sink.put(bytes);
    } catch (error) {
      this.#failure ??= error;
    }
    release();
  }
}
