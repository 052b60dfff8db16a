import { crc32 } from 'node:zlib';

const VERSION = 1;
const NEWLINE = 0x0a;
/** Bytes that `sealLine` puts before a line's fields. */
export const HEAD_BYTES = `{"v":${VERSION},"crc":"01234567",`.length;
/** What begins a line of any version: `v` and `crc` keep their place for ever. */
const HEAD = /^\{"v":\d{1,9},"crc":"([0-9a-f]{8})",/;
const MAX_HEAD_BYTES = 48;
const VERSION_AT = '{"v":'.length;
const VERSION_DIGIT = 0x30 + VERSION;
const COMMA = 0x2c;
/** What is said of a line for which `hasVersion` is false though it has its fields. */
export const WRONG_VERSION = 'the version of the line is wrong, and all else of it whole';

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
 * They are those of this version whatever `v` says. The checksum does not cover `v`, so that one digit could
 * not be told from a newer version; that a store is of a newer one its manifest says (`readManifest`).
 */
export function checkedFields(line: Buffer): Buffer | undefined {
  const [head, checksum = ''] = HEAD.exec(line.toString('latin1', 0, MAX_HEAD_BYTES)) ?? [];
  if (head === undefined) return undefined;
  const fields = line.subarray(head.length);
  return crc32(fields) === Number.parseInt(checksum, 16) ? fields : undefined;
}

/**
 * Whether `v` of a line that has its fields is that of this version; where it is not, the digit is damaged.
 *
 * @param start - Where in the bytes the line begins.
 */
export function hasVersion(bytes: Buffer, start = 0): boolean {
  const at = start + VERSION_AT;
  return bytes[at] === VERSION_DIGIT && bytes[at + 1] === COMMA;
}

/** The same as `checkedFields`, but undefined also if `v` is damaged: for what can be made again or done without. */
export function intactFields(line: Buffer): Buffer | undefined {
  return hasVersion(line) ? checkedFields(line) : undefined;
}

/** The fields from `checkedFields`, or the first `end` bytes of them, as the text of a JSON object. */
export function fieldsText(fields: Buffer, end = fields.length): string {
  return `{${fields.toString('utf8', 0, end)}`;
}
