import type { BatchRecord } from '../batch-record.ts';
import { BatchTable, type LineLocation } from './batch-table.ts';
import type { IdFile } from './id-file.ts';

/**
 * Which batches are stored, split or refused: every id there has ever been, without any limit of time.
 *
 * Those whose log segment is not sealed yet are in a table in memory, with the place of their line. All
 * others are in id files; of these only a filter is in memory, so that a look at the disk is needed for
 * an id that is known, and for very few others.
 */
export class BatchIndex {
  readonly recent = new BatchTable();
  #files: readonly IdFile[] = [];

  /** The batch if its line is in a log segment in force. */
  get(id: string): LineLocation | 'split' | undefined {
    return this.recent.get(id);
  }

  /** False if no id file has it for certain. */
  mayBeOlder(id: string): boolean {
    for (const file of this.#files) if (file.mayHave(id)) return true;
    return false;
  }

  /**
   * The batch if it is in an id file.
   *
   * @throws Error if a file can't be read: whether the batch is known can't be said then.
   */
  async findOlder(id: string): Promise<BatchRecord | undefined> {
    for (;;) {
      const files = this.#files;
      try {
        for (const file of files) {
          const found = file.mayHave(id) ? await file.find(id) : undefined;
          if (found !== undefined) return found;
        }
        return undefined;
      } catch (error) {
        // A merge may have closed a file meanwhile; what stands for it has the same ids.
        if (files === this.#files) throw error;
      }
    }
  }

  addFile(file: IdFile): void {
    this.#files = [...this.#files, file];
  }

  /** Puts one file in the place of those that were merged into it, all at once. */
  async replaceFiles(merged: readonly IdFile[], by: IdFile): Promise<void> {
    this.#files = [...this.#files.filter((file) => !merged.includes(file)), by];
    await Promise.all(merged.map((file) => file.close()));
  }

  async close(): Promise<void> {
    const files = this.#files;
    this.#files = [];
    await Promise.all(files.map((file) => file.close()));
  }
}
