import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CONTEXT_BYTES,
  EVENT_NUMBERS,
  LineEvents,
  PRODUCT,
  PRODUCT_BYTES,
  SEQUENCE,
  TIMESTAMP_BYTES,
  TYPE,
  TYPE_BYTES,
  VERSION_BYTES,
} from '../../../../server/store/segments/sealed/line-events.ts';
import {
  CONTEXT_TO_VERSION,
  scanEvent,
  TIMESTAMP_TO_CONTEXT,
  TYPE_TO_TIMESTAMP,
} from '../../../../server/store/segments/sealed/scan-event.ts';
import { viewOf } from '../../../../server/words.ts';

const GUARD = Buffer.alloc(64, '"');
const code = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/["\\\p{Cc}]/gu, ''));
const item = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('"', '\\', ']', '},{', '],"version":"x"}', 'null', ',', ''))
    .map((all) => all.join('')),
);
const event = fc.record(
  {
    customer: code,
    product: code,
    type: code,
    timestamp: fc.oneof(fc.nat(), fc.integer({ min: 0, max: 999_999_999_999_999 })),
    context: fc.array(fc.option(item)),
    version: fc.option(item),
  },
  { requiredKeys: ['customer', 'product', 'type', 'timestamp', 'context'] },
);

function scan(text: string, events = new LineEvents(), start = 0): number {
  return scanEvent(viewOf(Buffer.concat([Buffer.from(text), GUARD])), start, events);
}

describe('scanEvent', () => {
  it('finds the parts of any event whose codes have no escape', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 3 }), (all) => {
        const text = all.map((one) => JSON.stringify(one)).join('');
        const bytes = Buffer.from(text);
        const events = new LineEvents();
        let end = 0;
        for (const one of all) {
          const start = end;
          end = scan(text, events, start);
          expect(end).toBe(start + Buffer.byteLength(JSON.stringify(one)));
        }

        expect(events.count).toBe(all.length);
        for (const [number, { customer, product, type, timestamp, context, version }] of all.entries()) {
          const of = (field: number): number => events.numbers[number * EVENT_NUMBERS + field] ?? 0;
          const part = (from: number, length: number) => bytes.toString('utf8', from, from + length);
          const timestampAt = of(TYPE) + of(TYPE_BYTES) + TYPE_TO_TIMESTAMP;
          const contextAt = timestampAt + of(TIMESTAMP_BYTES) + TIMESTAMP_TO_CONTEXT;
          const versionAt = contextAt + of(CONTEXT_BYTES) + CONTEXT_TO_VERSION;
          expect(part(of(PRODUCT), of(PRODUCT_BYTES))).toBe(`${customer}","product":"${product}`);
          expect(part(of(TYPE), of(TYPE_BYTES))).toBe(JSON.stringify(type));
          expect(part(timestampAt, of(TIMESTAMP_BYTES))).toBe(String(timestamp));
          expect(part(contextAt, of(CONTEXT_BYTES))).toBe(JSON.stringify(context));
          expect(part(versionAt, of(VERSION_BYTES))).toBe(
            version === undefined ? '' : JSON.stringify(version),
          );
          expect(of(SEQUENCE)).toBe(number);
          expect(events.timestamps[number]).toBe(timestamp);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  const plain = '{"customer":"A","product":"B","type":"C","timestamp":12,"context":["d",null],"version":"e"}';

  it('leaves what is cut or changed anywhere to others', () => {
    expect(scan(plain)).toBe(plain.length);
    for (let at = 0; at < plain.length; at++) {
      const cut = plain.slice(0, at);
      expect(scan(cut)).toBe(-1);
      // Any text goes on until a quote, so only what is between texts can be told to be wrong.
      const isInText = /[ABCde12]/.test(plain[at] ?? '') && /["1]/.test(plain[at - 1] ?? '');
      if (!isInText) expect(scan(`${cut}#${plain.slice(at + 1)}`)).toBe(-1);
    }
  });

  it.each([
    ['a leading zero', plain.replace('12', '012')],
    ['more digits than are exact', plain.replace('12', '1'.repeat(16))],
    ['a fraction', plain.replace('12', '1.5')],
    ['an escape in a code', plain.replace('"B"', '"\\u0042"')],
    ['an escape in a type', plain.replace('"C"', '"\\u0043"')],
    ['items without a comma', plain.replace(',null', ' null')],
    ['items without anything between', plain.replace(',null', '"d"')],
    ['a number as an item', plain.replace('null', '1')],
    ['a list as an item', plain.replace('null', '[]')],
    ['a space', plain.replace(',"context"', ', "context"')],
    ['another key', plain.replace('version', 'another')],
    ['another value of a version', plain.replace('"e"', '1')],
  ])('leaves %s to others', (_name, text) => {
    expect(scan(text)).toBe(-1);
  });
});
