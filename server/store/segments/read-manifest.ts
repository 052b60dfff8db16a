import { open, type FileHandle } from 'node:fs/promises';
import { isUnreadable } from '../../disk-errors.ts';
import { systemCode } from '../../errors.ts';
import type { Damage } from '../event-store.ts';
import { checkedFields, fieldsText, hasVersion, WRONG_VERSION } from './checked-line.ts';
import { OPERATIONS, type ManifestRecord } from './manifest-records.ts';

/** The paths of a manifest. */
export interface ManifestPaths {
  readonly manifest: string;
  /** A second file with the same bytes, or the first of them. */
  readonly manifestCopy: string;
}

export interface ManifestContents {
  readonly records: readonly ManifestRecord[];
  /** Where the last record begins. */
  readonly lastOffset: number;
  /** The records as the file has to hold them. What it holds behind them is torn. */
  readonly bytes: Buffer;
  /** Bytes from the beginning in which the copy is the same. */
  readonly sameInCopy: number;
  /** Whether the file lacks any of them, so that they come from the copy. */
  readonly isDamaged: boolean;
  /** What is wrong in either file, though the other one has it. */
  readonly damage: readonly Damage[];
}

const NOTHING: FileContents = { bytes: Buffer.alloc(0), unreadableTo: 0 };
const NEWLINE = 0x0a;
const READ_BYTES = 1_048_576;
const SECTOR_BYTES = 4_096;
const NEWER_VERSION = 'the store was written by a newer version of this program: use that one';
const COPY_DAMAGED = 'the copy of the record is damaged';
const COPY_HAS_IT = 'the record is damaged; its copy is whole';

/**
 * Reads the records of a manifest, without changing it; each from whichever of its two files has it whole.
 *
 * A newer version makes itself known by its version in the last record, or by a record that is not known here:
 * nobody but it writes behind that. So a version that is wrong in a record before one of ours is a damaged digit,
 * which the checksum does not cover, and the record counts.
 *
 * @throws Error naming file and offset if a record before the last is damaged in both files, or if nobody can
 *   tell whether there is one, or if the store is of a newer version.
 */
export async function readManifest({ manifest, manifestCopy }: ManifestPaths): Promise<ManifestContents> {
  // The copy is never ahead, and must not seem so where records are being written meanwhile.
  // Whatever is wrong with it is no matter as long as nothing else is.
  const { bytes: copy } = await contentsOf(manifestCopy).catch(() => NOTHING);
  const { bytes: own, unreadableTo } = await contentsOf(manifest);
  const records: ManifestRecord[] = [];
  const lines: Buffer[] = [];
  const damage: Damage[] = [];
  let [offset, lastOffset, sameInCopy] = [0, 0, 0];
  /** Where the last record ends that only the copy has whole. */
  let mendedTo: number | undefined;
  /** Where the records begin that have another version, up to the last. */
  let otherVersionAt: number | undefined;
  for (;;) {
    const [ownLine, copyLine] = [recordAt(own, offset), recordAt(copy, offset)];
    const line = better(ownLine, copyLine);
    if (line === undefined) break;
    records.push(parseRecord(line));
    lines.push(line);
    const end = offset + line.length;
    if (!hasVersion(line)) damage.push({ path: manifest, offset, reason: WRONG_VERSION });
    otherVersionAt = hasVersion(line) ? undefined : (otherVersionAt ?? offset);
    if (line !== ownLine) {
      // One for all neighbours: a file that is missing lacks each of them.
      if (mendedTo !== offset) damage.push({ path: manifest, offset, reason: COPY_HAS_IT });
      mendedTo = end;
    }
    const isInCopy = copy.subarray(offset, end).equals(line);
    if (isInCopy && sameInCopy === offset) sameInCopy = end;
    if (!isInCopy && copy.length >= end) damage.push({ path: manifestCopy, offset, reason: COPY_DAMAGED });
    lastOffset = offset;
    offset = end;
  }
  if (hasRecordBehind(own, offset) || hasRecordBehind(copy, offset) || unreadableTo > offset)
    throw new Error(`${manifest} is damaged at byte ${offset}: restore it from a backup of this folder`);
  if (otherVersionAt !== undefined) {
    const mend = `restore it from a backup, or make the line there begin with {"v":1 again`;
    throw new Error(
      `${NEWER_VERSION} (if there never was one, ${manifest} is damaged at byte ${otherVersionAt}: ${mend})`,
    );
  }
  const isDamaged = mendedTo !== undefined;
  return { records, lastOffset, bytes: Buffer.concat(lines), sameInCopy, isDamaged, damage };
}

interface FileContents {
  readonly bytes: Buffer;
  /** Where the last part ends that the disk can't read, zeros in `bytes`; 0 if it can read all. */
  readonly unreadableTo: number;
}

/** All bytes of a file; none if it is missing. */
async function contentsOf(path: string): Promise<FileContents> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return NOTHING;
  }
  try {
    return await readParts(file);
  } finally {
    await file.close();
  }
}

async function readParts(file: FileHandle): Promise<FileContents> {
  const { size } = await file.stat();
  const bytes = Buffer.alloc(size);
  let unreadableTo = 0;
  for (let at = 0, wanted = READ_BYTES; at < size;) {
    const length = Math.min(wanted, size - at);
    try {
      const { bytesRead } = await file.read(bytes, at, length, at);
      if (bytesRead === 0) return { bytes: bytes.subarray(0, at), unreadableTo };
      at += bytesRead;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      if (wanted === SECTOR_BYTES) at = unreadableTo = at + length;
      // To lose no more than what is broken.
      wanted = SECTOR_BYTES;
    }
  }
  return { bytes, unreadableTo };
}

/** The line that begins at a place, with its newline; undefined if it is damaged or not all there. */
function recordAt(bytes: Buffer, offset: number): Buffer | undefined {
  const newline = offset < bytes.length ? bytes.indexOf(NEWLINE, offset) : -1;
  if (newline < 0 || checkedFields(bytes.subarray(offset, newline)) === undefined) return undefined;
  return bytes.subarray(offset, newline + 1);
}

/** Of a record in two files the one that is whole to its version; the first if neither is better. */
function better(own: Buffer | undefined, copy: Buffer | undefined): Buffer | undefined {
  if (own === undefined || copy === undefined) return own ?? copy;
  return hasVersion(own) || !hasVersion(copy) ? own : copy;
}

function parseRecord(line: Buffer): ManifestRecord {
  const fields = checkedFields(line.subarray(0, -1)) ?? Buffer.alloc(0);
  // The checksum says that we wrote it; a newer version may have written other records.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const record = JSON.parse(fieldsText(fields)) as ManifestRecord;
  if (!OPERATIONS.has(record.op)) throw new Error(NEWER_VERSION);
  return record;
}

/** Whether there is a whole record behind a damaged one: then that was no torn end. */
function hasRecordBehind(bytes: Buffer, damagedAt: number): boolean {
  let at = bytes.indexOf(NEWLINE, damagedAt) + 1;
  while (at > 0 && at < bytes.length) {
    if (recordAt(bytes, at) !== undefined) return true;
    at = bytes.indexOf(NEWLINE, at) + 1;
  }
  return false;
}
