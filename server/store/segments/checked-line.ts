import { crc32 } from 'node:zlib';

const CHECKSUM_DIGITS = 8;
const PREFIX = '{"v":1,"crc":"';
const HEAD_LENGTH = PREFIX.length + CHECKSUM_DIGITS + '",'.length;
const NEWLINE = 0x0a;

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
  const head = `${PREFIX}${checksum.toString(16).padStart(CHECKSUM_DIGITS, '0')}",`;
  return Buffer.concat([Buffer.from(head, 'latin1'), ...fields, Buffer.of(NEWLINE)]);
}

/**
 * Whether a line (without its newline) is whole: of version 1, and with the checksum of its bytes.
 */
export function isWholeLine(line: Buffer): boolean {
  if (line.length < HEAD_LENGTH || line.toString('latin1', 0, PREFIX.length) !== PREFIX) return false;
  const checksum = Number.parseInt(
    line.toString('latin1', PREFIX.length, PREFIX.length + CHECKSUM_DIGITS),
    16,
  );
  return crc32(line.subarray(HEAD_LENGTH)) === checksum;
}

/** The fields behind the checksum, as the text of a JSON object, up to `end` bytes into the line. */
export function fieldsText(line: Buffer, end = line.length): string {
  return `{${line.toString('utf8', HEAD_LENGTH, end)}`;
}
