import type { Damage } from '../event-store.ts';
import { checkedFields, fieldsText, hasVersion, WRONG_VERSION } from './checked-line.ts';
import { OPERATIONS, type ManifestRecord } from './manifest-records.ts';
import { readLines } from './segment-lines.ts';

export interface ManifestContents {
  readonly records: readonly ManifestRecord[];
  /** Where the last whole record begins. */
  readonly lastOffset: number;
  /** Bytes up to its end: what lies behind is torn. */
  readonly length: number;
  /** Records whose version is damaged, and nothing else of them. */
  readonly damage: readonly Damage[];
}

const NEWER_VERSION = 'the store was written by a newer version of this program: use that one';

/**
 * Reads the records of a manifest, without changing it.
 *
 * A newer version makes itself known by its version in the last record, or by a record that is not known here:
 * nobody but it writes behind that. So a version that is wrong in a record before one of ours is a damaged digit,
 * which the checksum does not cover, and the record counts.
 *
 * @param size - Bytes to read.
 * @throws Error naming file and offset if a record before the last is damaged, or the store is of a newer version.
 */
export async function readManifest(file: string, size: number): Promise<ManifestContents> {
  const records: ManifestRecord[] = [];
  let lastOffset = 0;
  let length = 0;
  let damagedAt: number | undefined;
  const damage: Damage[] = [];
  /** Where the records begin that have another version, up to the last. */
  let otherVersionAt: number | undefined;
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
      if (!OPERATIONS.has(record.op)) throw new Error(NEWER_VERSION);
      const isOwn = hasVersion(line.bytes);
      if (!isOwn) damage.push({ path: file, offset: line.offset, reason: WRONG_VERSION });
      otherVersionAt = isOwn ? undefined : (otherVersionAt ?? line.offset);
      records.push(record);
      lastOffset = line.offset;
      length = line.offset + line.bytes.length + 1;
    }
  }
  if (otherVersionAt !== undefined) {
    const mend = `restore it from a backup, or make the line there begin with {"v":1 again`;
    throw new Error(
      `${NEWER_VERSION} (if there never was one, ${file} is damaged at byte ${otherVersionAt}: ${mend})`,
    );
  }
  return { records, lastOffset, length, damage };
}
