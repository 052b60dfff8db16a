import { crc32 } from 'node:zlib';
import { compareKeys, KEY_WORDS, parseKey } from './batch-key.ts';
import type { FilePair, IdFileSummary } from '../batch-record.ts';
import { BlockList } from './id-block-list.ts';
import { IdFilter } from './id-filter.ts';
import { writeIdIndex } from './id-index-file.ts';
import { ID_FILE_HEADER, idOfLine } from './id-line.ts';
import { randomSeed } from './keyed-hash.ts';
import { SequentialFile } from '../sequential-file.ts';

/** A block ends with the line that takes it to so many bytes. */
const BLOCK_BYTES = 4096;
const PIECE_BYTES = 2 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Where the lines go: a file, or nowhere if they came from it. */
type LineFile = Pick<SequentialFile, 'length' | 'write' | 'finish' | 'abandon'>;

/** Writes an id file and its index in bounded memory: 2 bytes an id, and a buffer. */
export class IdFileWriter {
  readonly #data: LineFile;
  readonly #indexFile: SequentialFile;
  readonly #filter: IdFilter;
  readonly #blocks = new BlockList();
  /** The first `#held` bytes wait to be written; those from `#blockStart` on are no whole block yet. */
  #buffer = Buffer.allocUnsafe(PIECE_BYTES + BLOCK_BYTES * 2);
  #held: number;
  #blockStart: number;
  readonly #blockKey = new Uint32Array(KEY_WORDS);
  readonly #lastKey = new Uint32Array(KEY_WORDS);
  readonly #key = new Uint32Array(KEY_WORDS);
  #count = 0;
  #isWriting = false;

  constructor(data: LineFile, indexFile: SequentialFile, expectedCount: number) {
    this.#data = data;
    this.#indexFile = indexFile;
    this.#filter = IdFilter.create(expectedCount, randomSeed());
    this.#held = ID_FILE_HEADER.copy(this.#buffer);
    this.#blockStart = this.#held;
  }

  /**
   * Begins both files; neither may exist.
   *
   * @param expectedCount - Ids that will come at most; if more come, the filter gives more false alarms.
   */
  static async create(pair: FilePair, expectedCount: number): Promise<IdFileWriter> {
    const data = await SequentialFile.create(pair.data);
    try {
      return new IdFileWriter(data, await SequentialFile.create(pair.index), expectedCount);
    } catch (error) {
      await data.abandon();
      throw error;
    }
  }

  /**
   * Adds a line, without its newline. If a promise comes back, the next line may be added when it has
   * resolved; if it rejects, both files are closed and of no use.
   *
   * @param id - Above all ids before.
   * @throws Error if it is not, or the line is not its own: nothing is added, and the files stay open.
   */
  add(id: string, line: string): Promise<void> | undefined {
    if (this.#isWriting) throw new Error('the line before is not written yet');
    if (idOfLine(line) !== id) throw new Error(`the line of ${id} begins otherwise`);
    parseKey(id, this.#key);
    if (this.#count > 0 && compareKeys(this.#key, this.#lastKey) <= 0) {
      throw new Error(`${id} does not come after the id before it`);
    }
    this.#lastKey.set(this.#key);
    if (this.#held === this.#blockStart) this.#blockKey.set(this.#key);
    this.#filter.add(this.#key);
    this.#count++;
    // No character takes more than three bytes.
    this.#makeRoom(line.length * 3 + 1);
    this.#held += this.#buffer.write(line, this.#held);
    this.#buffer[this.#held++] = NEWLINE;
    if (this.#held - this.#blockStart < BLOCK_BYTES) return undefined;
    this.#endBlock();
    return this.#held < PIECE_BYTES ? undefined : this.#write();
  }

  /** Resolves when both files are durable; their names are when their directories have been flushed. */
  async finish(): Promise<IdFileSummary> {
    if (this.#isWriting) throw new Error('the line before is not written yet');
    if (this.#held > this.#blockStart) this.#endBlock();
    await this.#write();
    try {
      await this.#data.finish();
      const bytes = this.#data.length;
      const index = { count: this.#count, bytes, blocks: this.#blocks, filter: this.#filter };
      await writeIdIndex(this.#indexFile, index);
      await this.#indexFile.finish();
      return { count: this.#count, dataBytes: bytes, indexBytes: this.#indexFile.length };
    } catch (error) {
      await this.abandon();
      throw error;
    }
  }

  /** Closes both files, which are of no use then. */
  async abandon(): Promise<void> {
    await this.#data.abandon();
    await this.#indexFile.abandon();
  }

  #endBlock(): void {
    const offset = this.#data.length + this.#blockStart;
    const checksum = crc32(this.#buffer.subarray(this.#blockStart, this.#held));
    this.#blocks.add(this.#blockKey, { offset, checksum });
    this.#blockStart = this.#held;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      await this.#data.write(this.#buffer.subarray(0, this.#held));
    } catch (error) {
      await this.abandon();
      throw error;
    }
    this.#held = 0;
    this.#blockStart = 0;
    this.#isWriting = false;
  }

  #makeRoom(bytes: number): void {
    if (this.#held + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(this.#held + bytes);
    this.#buffer.copy(larger, 0, 0, this.#held);
    this.#buffer = larger;
  }
}
