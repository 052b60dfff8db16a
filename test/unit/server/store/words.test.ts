import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchTexts } from '../../../../server/store/segments/sealed/batch-texts.ts';
import {
  areSame,
  copyText,
  findNewline,
  findQuoteOrBackslash,
  hashOf,
  hashOfEnds,
  isAscii,
  Literal,
  viewOf,
  WORD_SLACK_BYTES,
  writeInteger,
} from '../../../../server/words.ts';

const SLACK = Buffer.alloc(WORD_SLACK_BYTES, 'z');
/** With another beginning each time, since words may begin anywhere. */
const withSlack = (before: string, text: string | Uint8Array): DataView =>
  viewOf(Buffer.concat([Buffer.from(before), Buffer.from(text), SLACK]));
const before = fc.constantFrom('', '"', '\\"', '\n\n\n', 'abcde');
// Bytes that are one off, or differ in their highest bit, are what such searches confuse.
const bytes = fc.uint8Array({ maxLength: 24 }).chain((random) =>
  fc
    .array(fc.constantFrom(0x21, 0x22, 0x23, 0xa2, 0x5b, 0x5c, 0x5d, 0xdc, 0x09, 0x0a, 0x0b, 0x8a, 0, 0xff), {
      maxLength: 12,
    })
    .map((close) => Uint8Array.from([...random.slice(0, 6), ...close, ...random.slice(6)])),
);

describe('words', () => {
  it('finds the first quote or backslash, and the first newline', () => {
    fc.assert(
      fc.property(before, bytes, (start, text) => {
        const view = withSlack(start, Buffer.concat([text, Buffer.from('"\n')]));
        const found = text.findIndex((byte) => byte === 0x22 || byte === 0x5c);
        const newline = text.indexOf(0x0a);
        const end = start.length + text.length;

        expect(findQuoteOrBackslash(view, start.length)).toBe(found < 0 ? end : start.length + found);
        expect(findNewline(view, start.length, end)).toBe(newline < 0 ? end : start.length + newline);
      }),
      { numRuns: 2_000 },
    );
  });

  it('tells texts apart that differ in any byte, and nothing else', () => {
    fc.assert(
      fc.property(before, before, bytes, fc.nat(), (start, other, text, at) => {
        const a = withSlack(start, text);
        const changed = Uint8Array.from(text);
        if (text.length > 0) changed[at % text.length] = (changed[at % text.length] ?? 0) ^ 1;

        expect(areSame(a, start.length, withSlack(other, text), other.length, text.length)).toBe(true);
        expect(areSame(a, start.length, withSlack(other, changed), other.length, text.length)).toBe(
          text.length === 0,
        );
        const same = viewOf(Buffer.concat([Buffer.from(other), text, Buffer.alloc(WORD_SLACK_BYTES)]));
        for (const hash of [hashOf, hashOfEnds])
          expect(hash(a, start.length, text.length)).toBe(hash(same, other.length, text.length));
      }),
      { numRuns: 2_000 },
    );
  });

  it('copies any text as it is', () => {
    fc.assert(
      fc.property(before, fc.string({ unit: 'binary', maxLength: 30 }), (start, text) => {
        const length = Buffer.byteLength(text);
        const target = Buffer.alloc(start.length + length + WORD_SLACK_BYTES);

        copyText(withSlack(start, text), start.length, viewOf(target), start.length, length);

        expect(target.toString('utf8', start.length, start.length + length)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('knows whether all is ASCII', () => {
    fc.assert(
      fc.property(before, bytes, (start, text) => {
        const end = start.length + text.length;
        expect(isAscii(withSlack(start, text), start.length, end)).toBe(text.every((byte) => byte < 0x80));
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds a literal only where all of it is', () => {
    for (const text of ['abcd', 'abcde', 'abcdefghijk']) {
      const literal = new Literal(text);
      expect(literal.isAt(withSlack('xyz', text), 3)).toBe(true);
      for (let at = 0; at < text.length; at++) {
        const other = `${text.slice(0, at)}#${text.slice(at + 1)}`;
        expect(literal.isAt(withSlack('xyz', other), 3)).toBe(false);
      }
    }
  });

  it('writes integers as JSON does', () => {
    const view = viewOf(Buffer.alloc(40));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer(),
          fc.maxSafeInteger(),
          fc.nat(15).map((power) => 10 ** power),
          fc.nat(15).map((power) => 10 ** power - 1),
          fc.constant(1_700_000_000_500),
        ),
        (value) => {
          const end = writeInteger(view, 3, value);
          expect(Buffer.from(view.buffer, 3, end - 3).toString()).toBe(JSON.stringify(value));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('BatchTexts', () => {
  it('has what JSON would write of a batch, be it usual or not', () => {
    const number = fc.oneof(
      fc.nat(),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    const text = fc.oneof(fc.uuid(), fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('a\\', '"'));
    const header = fc.record({
      batch: text,
      position: number,
      received: number,
      skew: fc.option(number, { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(header, { maxLength: 4 }), (headers) => {
        const texts = new BatchTexts();
        for (const { skew, ...rest } of headers)
          texts.add({ ...rest, fingerprint: '', ...(skew === undefined ? {} : { skew }) });

        const { places, view } = texts;
        const pieces = places.slice(1).map((end, at) => {
          const start = places[at] ?? 0;
          return Buffer.from(view.buffer, view.byteOffset + start, end - start).toString();
        });
        expect(pieces).toEqual(
          headers.flatMap(({ batch, position, received, skew = null }) => [
            `,${JSON.stringify(batch)},`,
            `,${[position, received, skew].map((value) => JSON.stringify(value)).join(',')}`,
          ]),
        );
      }),
      { numRuns: 1_000 },
    );
  });
});
