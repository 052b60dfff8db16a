import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLedger } from '../../../shared/batch.ts';
import { toWellFormed, utf8Length } from '../../../shared/text.ts';
import { parseUuid } from '../../../shared/uuid.ts';

describe('toWellFormed', () => {
  it('equals what UTF-8 encoding makes of any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
        (text) => {
          expect(toWellFormed(text)).toBe(Buffer.from(text).toString());
        },
      ),
    );
  });
});

describe('utf8Length', () => {
  it('equals the number of bytes of any well-formed text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8Length(text)).toBe(Buffer.byteLength(text));
      }),
    );
  });
});

describe('parseUuid', () => {
  it('lower-cases a UUID and refuses anything else', () => {
    expect(parseUuid('AAAAAAAA-1111-4222-8333-BBBBBBBBBBBB')).toBe('aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb');
    for (const value of [
      '',
      'x',
      'aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb ',
      '{aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb}',
      7,
    ]) {
      expect(parseUuid(value)).toBeUndefined();
    }
  });
});

describe('parseLedger', () => {
  it('takes counts, absent ones as 0, and nothing else', () => {
    expect(parseLedger({ dropped: 2, other: 'x' })).toEqual({
      dropped: 2,
      expired: 0,
      rejected: 0,
      unconfirmed: 0,
    });
    for (const value of [null, [], 'x', { dropped: -1 }, { expired: 0.5 }, { rejected: '1' }]) {
      expect(parseLedger(value)).toBeUndefined();
    }
  });
});
