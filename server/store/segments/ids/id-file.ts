import { KEY_WORDS, parseKey } from './batch-key.ts';
import type { BatchRecord, FilePair } from '../batch-record.ts';
import { IdBlockReader } from './id-block-reader.ts';
import type { IdIndex } from './id-index-file.ts';
import { ID_LINE_HEAD, idOfLine, parseIdLine } from './id-line.ts';

const NEWLINE = 0x0a;

/** The records of batches whose log segments are gone, on disk behind a filter in memory. */
export class IdFile {
  readonly #reader: IdBlockReader;
  readonly #index: IdIndex;
  readonly #key = new Uint32Array(KEY_WORDS);

  private constructor(reader: IdBlockReader, index: IdIndex) {
    this.#reader = reader;
    this.#index = index;
  }

  /**
   * Opens an id file; reads its index alone.
   *
   * @throws IdIndexError if the index is missing or damaged; IdFileError if the id file has another
   *   length than its index says.
   */
  static async open(pair: FilePair): Promise<IdFile> {
    const { reader, index } = await IdBlockReader.open(pair);
    return new IdFile(reader, index);
  }

  get count(): number {
    return this.#index.count;
  }

  /** What it holds for as long as it is open. */
  get bytesInMemory(): number {
    return this.#index.filter.parts.bits.length + this.#index.blocks.records.length;
  }

  /** False if the id is not there for certain; true for one in 300 that are not there, too. */
  mayHave(id: string): boolean {
    parseKey(id, this.#key);
    return this.#index.filter.mayHave(this.#key);
  }

  /**
   * Looks an id up in the file, without asking the filter.
   *
   * @param id - A UUID in lower case.
   * @throws IdFileError if the file can't be read there or is damaged.
   */
  async find(id: string): Promise<BatchRecord | undefined> {
    const block = await this.#blockOf(id);
    if (block < 0) return undefined;
    const bytes = await this.#reader.read(block, block + 1);
    const at = lineAt(bytes, id);
    if (at === undefined) return undefined;
    const line = parseIdLine(bytes.toString('utf8', at, bytes.indexOf(NEWLINE, at)));
    if (line === undefined) throw this.#reader.error(this.#reader.offset(block) + at, 'the line is damaged');
    return line.record;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  /**
   * The last block that begins at or below an id; negative if there is none.
   *
   * Known from memory, but for blocks that begin with the same 64 bits as the id: as many as a sender
   * likes, so that they are halved by reading and not read one by one.
   */
  async #blockOf(id: string): Promise<number> {
    parseKey(id, this.#key);
    const { blocks } = this.#index;
    let from = blocks.countUpTo(this.#key, false) - 1;
    let to = blocks.countUpTo(this.#key, true) - 1;
    while (from < to) {
      const middle = Math.ceil((from + to) / 2);
      const bytes = await this.#reader.read(middle, middle + 1);
      if (idOfLine(bytes.toString('latin1', 0, ID_LINE_HEAD)) <= id) from = middle;
      else to = middle - 1;
    }
    return from;
  }
}

/** Where in a block the line of an id begins. */
function lineAt(block: Buffer, id: string): number | undefined {
  const head = `["${id}"`;
  if (block.toString('latin1', 0, head.length) === head) return 0;
  // Only a line can begin behind a newline, whatever texts say.
  const at = block.indexOf(`\n${head}`, 0, 'latin1');
  return at < 0 ? undefined : at + 1;
}
