import { stat } from 'node:fs/promises';
import type { FilePair, IdFileSummary } from '../batch-record.ts';
import { WRONG_VERSION } from '../checked-line.ts';
import { IdFileError } from './id-file-errors.ts';
import { IdFileWriter } from './id-file-writer.ts';
import { scanIdFile } from './scan-id-file.ts';
import { readLines } from '../segment-lines.ts';
import { SequentialFile } from '../sequential-file.ts';

/**
 * Makes the index of an id file again, writing over what there is; resolves when it is durable.
 *
 * Lines have no checksums, so that only damage shows that makes a line none that we would write, or
 * takes it out of order. The caller knows from the manifest how many there have to be.
 *
 * @throws IdFileError if the id file is damaged.
 */
export async function rebuildIdIndex(pair: FilePair): Promise<IdFileSummary> {
  const count = await countLines(pair.data);
  const writer = new IdFileWriter(new Discarded(), await SequentialFile.create(pair.index, 'w'), count);
  try {
    const lines = scanIdFile(pair.data, (offset, reason) => {
      // No id follows from it.
      if (reason !== WRONG_VERSION) throw new IdFileError(pair.data, offset, reason);
    });
    for await (const chunk of lines) {
      for (const { id, text } of chunk) {
        const written = writer.add(id, text);
        if (written !== undefined) await written;
      }
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const lines of readLines(path, (await stat(path)).size)) count += lines.length;
  return count;
}

/** In the place of a file that is there already. */
class Discarded {
  length = 0;

  write(bytes: Uint8Array): Promise<void> {
    this.length += bytes.length;
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  abandon(): Promise<void> {
    return Promise.resolve();
  }
}
