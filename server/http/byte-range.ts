/** Bytes of a file: the first one and the last one, both counted from 0 and inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

const SINGLE_RANGE = /^bytes=(\d*)-(\d*)$/i;

/**
 * What a `Range` header asks for of a file (RFC 9110, section 14).
 *
 * A header that is malformed, of another unit or of several ranges asks for the whole, as does none: whoever can
 * take parts must be able to take all of it.
 *
 * @param header - As it came; empty for none.
 * @param size - Of the file, in bytes.
 * @returns `unsatisfiable` if it asks only for bytes that the file does not have.
 */
export function parseByteRange(header: string, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const [, from = '', to = ''] = SINGLE_RANGE.exec(header) ?? [];
  if (from === '' && to === '') return 'whole';
  if (from === '') {
    // The last so many. Of an empty file they are all of it, which no range can say.
    const length = Math.min(Number(to), size);
    if (length > 0) return { first: size - length, last: size - 1 };
    return Number(to) === 0 ? 'unsatisfiable' : 'whole';
  }
  const first = Number(from);
  const last = to === '' ? Infinity : Number(to);
  if (last < first) return 'whole';
  return first < size ? { first, last: Math.min(last, size - 1) } : 'unsatisfiable';
}
