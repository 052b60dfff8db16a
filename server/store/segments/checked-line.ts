import { crc32 } from 'node:zlib';

const VERSION = 1;
const NEWLINE = 0x0a;
/** Bytes that `sealLine` puts before a line's fields. */
export const HEAD_BYTES = `{"v":${VERSION},"crc":"01234567",`.length;
/** What begins a line of any version: `v` and `crc` keep their place for ever. */
const HEAD = /^\{"v":(\d{1,9}),"crc":"([0-9a-f]{8})",/;
const MAX_HEAD_BYTES = 48;

/**
 * A line of a store's file: a JSON object that begins with the format version and a checksum.
 *
 * The checksum is CRC-32 (ISO-HDLC, as in gzip) in 8 hex digits, over every byte between the comma
 * behind it and the newline.
 *
 * @param fields - The object's other fields as JSON text without the opening brace, in pieces.
 */
export function encodeCheckedLine(fields: readonly Uint8Array[]): Buffer {
  const line = Buffer.concat([Buffer.alloc(HEAD_BYTES), ...fields, Buffer.alloc(1)]);
  sealLine(line, 0, line.length - 1);
  return line;
}

/**
 * Makes a line of fields that are in place, behind room for `HEAD_BYTES`.
 *
 * @param start - Where the line is to begin.
 * @param end - Where its fields end; there is room for the newline.
 * @returns The place behind the line.
 */
export function sealLine(bytes: Buffer, start: number, end: number): number {
  const checksum = crc32(bytes.subarray(start + HEAD_BYTES, end));
  bytes.write(`{"v":${VERSION},"crc":"${checksum.toString(16).padStart(8, '0')}",`, start, 'latin1');
  bytes[end] = NEWLINE;
  return end + 1;
}

/**
 * The fields behind the checksum, as bytes; undefined if the line (without its newline) is damaged.
 *
 * @throws Error if the line is whole but of another version: to take it for damage would destroy it.
 */
export function checkedFields(line: Buffer): Buffer | undefined {
  const [head, version, checksum = ''] = HEAD.exec(line.toString('latin1', 0, MAX_HEAD_BYTES)) ?? [];
  if (head === undefined) return undefined;
  const fields = line.subarray(head.length);
  if (crc32(fields) !== Number.parseInt(checksum, 16)) return undefined;
  if (Number(version) !== VERSION) throw newerVersion();
  return fields;
}

/**
 * The same for a line of a file that follows from another: of another version it is no better than damaged,
 * since the file can be made again or done without.
 */
export function derivedFields(line: Buffer): Buffer | undefined {
  try {
    return checkedFields(line);
  } catch (error) {
    if (error instanceof NewerVersionError) return undefined;
    throw error;
  }
}

/** The fields from `checkedFields`, or the first `end` bytes of them, as the text of a JSON object. */
export function fieldsText(fields: Buffer, end = fields.length): string {
  return `{${fields.toString('utf8', 0, end)}`;
}

export function newerVersion(): Error {
  return new NewerVersionError('the store was written by a newer version of this program: use that one');
}

class NewerVersionError extends Error {}
