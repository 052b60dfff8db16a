import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseByteRange } from '../../../server/http/byte-range.ts';

const SIZE = 10;

describe('a Range header', () => {
  it.each<[string, ReturnType<typeof parseByteRange>]>([
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=3-', { first: 3, last: 9 }],
    ['bytes=3-99', { first: 3, last: 9 }],
    ['bytes=0-99999999999999999999999', { first: 0, last: 9 }],
    ['bytes=-3', { first: 7, last: 9 }],
    ['bytes=-99', { first: 0, last: 9 }],
    ['BYTES=9-9', { first: 9, last: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=10-20', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['', 'whole'],
    ['bytes=', 'whole'],
    ['bytes=-', 'whole'],
    ['bytes=5-4', 'whole'],
    ['bytes=20-15', 'whole'],
    ['bytes=0-1,3-4', 'whole'],
    ['bytes=99-,-0', 'whole'],
    ['bytes= 0-1', 'whole'],
    ['bytes=0-1 ', 'whole'],
    ['bytes 0-1', 'whole'],
    ['bytes=a-b', 'whole'],
    ['bytes=1.5-3', 'whole'],
    ['bytes=--3', 'whole'],
    ['lines=0-1', 'whole'],
    ['none', 'whole'],
  ])('of %j is understood', (header, expected) => {
    expect(parseByteRange(header, SIZE)).toEqual(expected);
  });

  it.each<[string, ReturnType<typeof parseByteRange>]>([
    ['bytes=0-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    // Its last byte is the whole of it, and has no place that could be named.
    ['bytes=-1', 'whole'],
  ])('of %j is understood of an empty file', (header, expected) => {
    expect(parseByteRange(header, 0)).toEqual(expected);
  });

  it('selects what marking each byte of the file selects', () => {
    const position = fc.option(fc.nat({ max: 15 }), { nil: '' as const });
    fc.assert(
      fc.property(position, position, fc.nat({ max: 12 }), (from, to, size) => {
        fc.pre(from !== '' || to !== '');
        const isMalformed = from !== '' && to !== '' && to < from;
        const wanted = Array.from({ length: size }, (_, index) => index).filter((index) =>
          from === '' ? index >= size - Number(to) : index >= from && (to === '' || index <= to),
        );

        const range = parseByteRange(`bytes=${from}-${to}`, size);

        if (isMalformed || (size === 0 && from === '' && to !== 0)) expect(range).toBe('whole');
        else if (wanted.length === 0) expect(range).toBe('unsatisfiable');
        else expect(range).toEqual({ first: wanted[0], last: wanted.at(-1) });
      }),
    );
  });
});
