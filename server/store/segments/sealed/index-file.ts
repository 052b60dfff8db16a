import { open, type FileHandle } from 'node:fs/promises';
import { systemCode } from '../../../errors.ts';
import { isUnreadable } from '../../../disk-errors.ts';
import { LineWindow } from '../line-window.ts';
import { findClusters, type ClusterRange, type Found } from './find-clusters.ts';
import {
  isCluster,
  isIndexHeader,
  parseIndexLine,
  type ClusterLine,
  type SealedCluster,
  type SealedIndexHeader,
} from './sealed-index.ts';
import { readLines } from '../segment-lines.ts';

/** The index of a sealed segment, open for reading. */
export class IndexFile {
  readonly #file: FileHandle;
  readonly #lines: LineWindow;
  readonly #headerBytes: number;
  readonly header: SealedIndexHeader;

  private constructor(file: FileHandle, lines: LineWindow, headerBytes: number, header: SealedIndexHeader) {
    this.#file = file;
    this.#lines = lines;
    this.#headerBytes = headerBytes;
    this.header = header;
  }

  /** @returns undefined if it is missing, or its first line can't be read. */
  static async open(path: string): Promise<IndexFile | undefined> {
    let file: FileHandle | undefined;
    let index: IndexFile | undefined;
    try {
      file = await open(path, 'r');
      const lines = await LineWindow.of(file);
      const line = await lines.lineAt(0);
      const header = line === undefined ? undefined : parseIndexLine(line);
      if (line !== undefined && isIndexHeader(header))
        index = new IndexFile(file, lines, line.length + 1, header);
      return index;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' && !isUnreadable(error)) throw error;
      return undefined;
    } finally {
      if (index === undefined) await file?.close();
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** See `findClusters`. */
  find(ranges: readonly ClusterRange[]): AsyncGenerator<SealedCluster, Found, undefined> {
    return findClusters(this.#lines, this.header, this.#headerBytes, ranges);
  }
}

/**
 * All clusters in an index, up to a damaged line.
 *
 * @param onDamagedAt - Told where that one is.
 */
export async function* readClusters(
  index: string,
  onDamagedAt: (offset: number) => void,
): AsyncGenerator<ClusterLine, void, undefined> {
  let end = 0;
  try {
    for await (const lines of readLines(index, Infinity)) {
      for (const { bytes, offset, isEnded } of lines) {
        const value = isEnded ? parseIndexLine(bytes) : undefined;
        if (isCluster(value)) yield value;
        else if (offset > 0 || !isIndexHeader(value)) return onDamagedAt(offset);
        end = offset + bytes.length + 1;
      }
    }
  } catch (error) {
    if (!isUnreadable(error)) throw error;
  }
  onDamagedAt(end);
}
