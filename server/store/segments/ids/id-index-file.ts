import { stat } from 'node:fs/promises';
import { systemCode } from '../../../errors.ts';
import { BlockList, RECORD_BYTES } from './id-block-list.ts';
import { encodeCheckedLine, fieldsText, intactFields } from '../checked-line.ts';
import { IdIndexError } from './id-file-errors.ts';
import { IdFilter } from './id-filter.ts';
import { formatSeed, parseSeed } from './keyed-hash.ts';
import { readLines } from '../segment-lines.ts';
import type { SequentialFile } from '../sequential-file.ts';

/** What is known of an id file without reading it; derived from it. */
export interface IdIndex {
  readonly count: number;
  /** Length of the id file. */
  readonly bytes: number;
  readonly blocks: BlockList;
  readonly filter: IdFilter;
}

interface Header {
  readonly kind: string;
  readonly count: number;
  readonly bytes: number;
  readonly blocks: number;
  readonly seed: string;
  readonly hashes: number;
  readonly filterBytes: number;
}

const KIND = 'ids-index';
/** Raw bytes of a line: less than 1 MiB in base64, of which only the last line needs padding. */
const PIECE_BYTES = 40_960 * RECORD_BYTES;

/** Writes an index: a header, then the blocks and the filter as base64 in pieces. */
export async function writeIdIndex(
  file: SequentialFile,
  { count, bytes, blocks, filter }: IdIndex,
): Promise<void> {
  const { seed, hashes, bits } = filter.parts;
  const header: Header = {
    kind: KIND,
    count,
    bytes,
    blocks: blocks.count,
    seed: formatSeed(seed),
    hashes,
    filterBytes: bits.length,
  };
  await file.write(encodeCheckedLine([Buffer.from(JSON.stringify(header).slice(1))]));
  for (const line of pieces('blocks', blocks.records)) await file.write(line);
  for (const line of pieces('filter', bits)) await file.write(line);
}

/**
 * Reads an index.
 *
 * @throws IdIndexError if it is missing or not whole.
 */
export async function readIdIndex(path: string): Promise<IdIndex> {
  try {
    return await readIndex(path);
  } catch (error) {
    // What the disk can't read any more is damaged; EMFILE, for one, says nothing about the file.
    const code = systemCode(error);
    throw code === 'ENOENT' || code === 'EIO' ? new IdIndexError(path, error) : error;
  }
}

async function readIndex(path: string): Promise<IdIndex> {
  const { size } = await stat(path);
  let header: Header | undefined;
  let blocks = new Gatherer('blocks', 0);
  let filter = new Gatherer('filter', 0);
  for await (const lines of readLines(path, size)) {
    for (const { bytes, isEnded } of lines) {
      const fields = isEnded ? intactFields(bytes) : undefined;
      if (fields === undefined) throw new IdIndexError(path);
      const text = fieldsText(fields);
      if (header === undefined) {
        // The checksum says that we wrote it, and we write nothing else; another kind is refused below.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        header = JSON.parse(text) as Header;
        if (header.kind !== KIND) throw new IdIndexError(path);
        blocks = new Gatherer('blocks', header.blocks * RECORD_BYTES);
        filter = new Gatherer('filter', header.filterBytes);
      } else if (!blocks.take(text) && !filter.take(text)) {
        throw new IdIndexError(path);
      }
    }
  }
  if (header === undefined || !blocks.isFull || !filter.isFull) throw new IdIndexError(path);
  return {
    count: header.count,
    bytes: header.bytes,
    blocks: new BlockList(blocks.bytes),
    filter: new IdFilter({ seed: parseSeed(header.seed), hashes: header.hashes, bits: filter.bytes }),
  };
}

function* pieces(name: string, bytes: Uint8Array): Generator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(PIECE_BYTES, bytes.length - at));
    yield encodeCheckedLine([Buffer.from(`"${name}":"${piece.toString('base64')}"}`, 'latin1')]);
  }
}

/** Puts together what `pieces` took apart. */
class Gatherer {
  readonly bytes: Buffer;
  readonly #head: string;
  #length = 0;

  constructor(name: string, length: number) {
    this.bytes = Buffer.alloc(length);
    this.#head = `{"${name}":"`;
  }

  get isFull(): boolean {
    return this.#length === this.bytes.length;
  }

  /** False if the line is not the next piece of this. */
  take(text: string): boolean {
    if (this.isFull || !text.startsWith(this.#head)) return false;
    this.#length += this.bytes.write(text.slice(this.#head.length, -2), this.#length, 'base64');
    return true;
  }
}
