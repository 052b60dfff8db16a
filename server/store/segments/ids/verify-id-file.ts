import { KEY_WORDS, parseKey } from './batch-key.ts';
import type { FilePair } from '../batch-record.ts';
import { IdBlockReader } from './id-block-reader.ts';
import { IdFileError, IdIndexError } from './id-file-errors.ts';
import type { IdIndex } from './id-index-file.ts';
import { scanIdFile } from './scan-id-file.ts';

/** Something wrong with an id file. */
export interface IdFileProblem {
  /** Byte of the id file. */
  readonly offset: number;
  readonly reason: string;
}

type Report = (offset: number, reason: string) => void;

const MAX_PROBLEMS = 100;

/**
 * Reads an id file and its index through: every checksum, every line and their order, and whether the
 * index knows every id.
 *
 * @returns The first 100 problems; none if all is well.
 * @throws Error if a file can't be read.
 */
export async function verifyIdFile(pair: FilePair): Promise<readonly IdFileProblem[]> {
  const problems: IdFileProblem[] = [];
  const report: Report = (offset, reason) => {
    if (problems.length < MAX_PROBLEMS) problems.push({ offset, reason });
  };
  const index = await verifyBlocks(pair, report);
  const key = new Uint32Array(KEY_WORDS);
  let count = 0;
  for await (const lines of scanIdFile(pair.data, report)) {
    count += lines.length;
    for (const { id, offset } of lines) {
      parseKey(id, key);
      if (index?.filter.mayHave(key) === false) report(offset, 'the filter does not know the id');
    }
  }
  if (index !== undefined && index.count !== count) {
    report(0, `the file has ${count} ids, but ${index.count} by its index`);
  }
  return problems;
}

/** Checks the blocks; returns the index, if there is one that can be used. */
async function verifyBlocks(pair: FilePair, report: Report): Promise<IdIndex | undefined> {
  let opened: Awaited<ReturnType<typeof IdBlockReader.open>>;
  try {
    opened = await IdBlockReader.open(pair);
  } catch (error) {
    if (error instanceof IdIndexError) report(0, error.message);
    else reportOrThrow(error, report);
    return undefined;
  }
  const { reader, index } = opened;
  try {
    for (let block = 0; block < index.blocks.count; block++) {
      await reader.read(block, block + 1).catch((error: unknown) => reportOrThrow(error, report));
    }
    return index;
  } finally {
    await reader.close();
  }
}

function reportOrThrow(error: unknown, report: Report): void {
  if (!(error instanceof IdFileError)) throw error;
  report(error.offset, error.reason);
}
