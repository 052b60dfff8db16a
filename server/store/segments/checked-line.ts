import { crc32 } from 'node:zlib';

const VERSION = 1;
const NEWLINE = 0x0a;
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
  let checksum = 0;
  for (const piece of fields) checksum = crc32(piece, checksum);
  const head = `{"v":${VERSION},"crc":"${checksum.toString(16).padStart(8, '0')}",`;
  return Buffer.concat([Buffer.from(head, 'latin1'), ...fields, Buffer.of(NEWLINE)]);
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

/** The fields from `checkedFields`, or the first `end` bytes of them, as the text of a JSON object. */
export function fieldsText(fields: Buffer, end = fields.length): string {
  return `{${fields.toString('utf8', 0, end)}`;
}

export function newerVersion(): Error {
  return new Error('the store was written by a newer version of this program: use that one');
}
