import type { FilePair } from '../batch-record.ts';
import { IdBlockReader } from './id-block-reader.ts';
import { idOfLine } from './id-line.ts';

/** Read at once: so many blocks, about 256 KiB. */
const BLOCKS = 64;

/** Goes through the lines of an id file in its order. */
export class IdCursor {
  /** Of the line where it is; empty before the first and behind the last. */
  id = '';
  line = '';
  hasEnded = false;
  readonly count: number;
  /** Its place among the inputs. */
  readonly rank: number;
  readonly #reader: IdBlockReader;
  readonly #blockCount: number;
  #nextBlock = 0;
  #lines: readonly string[] = [];
  #nextLine = 0;

  private constructor(reader: IdBlockReader, rank: number, count: number, blockCount: number) {
    this.#reader = reader;
    this.rank = rank;
    this.count = count;
    this.#blockCount = blockCount;
  }

  /** Opens an id file, at its first line. */
  static async open(pair: FilePair, rank: number): Promise<IdCursor> {
    const { reader, index } = await IdBlockReader.open(pair);
    const cursor = new IdCursor(reader, rank, index.count, index.blocks.count);
    try {
      await cursor.advance();
    } catch (error) {
      await reader.close();
      throw error;
    }
    return cursor;
  }

  /**
   * Goes to the next line; if a promise comes back, it is there when that has resolved.
   *
   * @throws IdFileError if the file is damaged.
   */
  advance(): Promise<void> | undefined {
    if (this.#nextLine === this.#lines.length) return this.#load();
    this.line = this.#lines[this.#nextLine++] ?? '';
    this.id = idOfLine(this.line);
    return undefined;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #load(): Promise<void> {
    const from = this.#nextBlock;
    const to = Math.min(from + BLOCKS, this.#blockCount);
    this.#nextBlock = to;
    this.#lines = from < to ? (await this.#reader.read(from, to)).toString().trimEnd().split('\n') : [];
    this.#nextLine = 0;
    this.hasEnded = this.#lines.length === 0;
    this.id = '';
    this.line = '';
    if (!this.hasEnded) await this.advance();
  }
}
