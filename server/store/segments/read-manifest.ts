import { checkedFields, fieldsText, newerVersion } from './checked-line.ts';
import { OPERATIONS, type ManifestRecord } from './manifest-records.ts';
import { readLines } from './segment-lines.ts';

export interface ManifestContents {
  readonly records: readonly ManifestRecord[];
  /** Where the last whole record begins. */
  readonly lastOffset: number;
  /** Bytes up to its end: what lies behind is torn. */
  readonly length: number;
}

/**
 * Reads the records of a manifest, without changing it.
 *
 * @param size - Bytes to read.
 * @throws Error naming file and offset if a record before the last is damaged.
 */
export async function readManifest(file: string, size: number): Promise<ManifestContents> {
  const records: ManifestRecord[] = [];
  let lastOffset = 0;
  let length = 0;
  let damagedAt: number | undefined;
  for await (const lines of readLines(file, size)) {
    for (const line of lines) {
      const fields = line.isEnded ? checkedFields(line.bytes) : undefined;
      if (fields === undefined) {
        damagedAt ??= line.offset;
        continue;
      }
      if (damagedAt !== undefined) {
        throw new Error(`${file} is damaged at byte ${damagedAt}: restore it from a backup of this folder`);
      }
      // The checksum says that we wrote it; a newer version may have written other records.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const record = JSON.parse(fieldsText(fields)) as ManifestRecord;
      if (!OPERATIONS.has(record.op)) throw newerVersion();
      records.push(record);
      lastOffset = line.offset;
      length = line.offset + line.bytes.length + 1;
    }
  }
  return { records, lastOffset, length };
}
