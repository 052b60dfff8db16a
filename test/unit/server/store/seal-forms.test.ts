import { readFile, rm } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UsageEvent } from '../../../../shared/event.ts';
import { isRecord } from '../../../../shared/text.ts';
import {
  checkedFields,
  encodeCheckedLine,
  fieldsText,
} from '../../../../server/store/segments/checked-line.ts';
import { SEAL_LIMITS } from '../../../../server/store/segments/sealed/seal-limits.ts';
import type { StoredEvent } from '../../../support/read-rows.ts';
import type { ABatch } from '../../../support/events.ts';
import {
  aBatchNow,
  compareEvents,
  logLines,
  NOW,
  pairIn,
  seal,
  storedEvents,
} from '../../../support/sealed-files.ts';
import { readPair } from '../../../support/read-rows.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

// Pieces that would end a text, a list or an event if they were not walked over.
const PIECES = ['"', '\\', '\\"', ']', '],"version":"x"}', '},{', ']}', '[', ',', '\n', '\u2028', 'null', ''];
const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.array(fc.constantFrom(...PIECES)).map((pieces) => pieces.join('')),
  // Halves of surrogate pairs, too.
  fc
    .array(fc.integer({ min: 0xd700, max: 0xe001 }), { maxLength: 4 })
    .map((units) => String.fromCharCode(...units)),
);
const text = fc.oneof({ weight: 3, arbitrary: fc.stringMatching(/^[a-z ]{0,12}$/) }, nasty);
const code = fc.oneof({ weight: 6, arbitrary: fc.constantFrom('A', 'AB', 'ÄB') }, nasty);
const timestamp = fc.oneof(
  fc.integer({ min: NOW - 50, max: NOW }),
  fc.integer({ min: NOW - 86_400_000 * 60, max: NOW + 86_400_000 * 4 }),
  fc.constantFrom(0, 9, 10, 999_999_999_999, 1_000_000_000_000, Number.MAX_SAFE_INTEGER),
);
const event = fc.record<UsageEvent, 'customer' | 'product' | 'type' | 'timestamp' | 'context'>(
  {
    customer: code,
    product: code,
    type: code,
    timestamp,
    context: fc.array(fc.option(text), { maxLength: 5 }),
    version: fc.option(text),
  },
  { requiredKeys: ['customer', 'product', 'type', 'timestamp', 'context'] },
);
const batch = fc
  .record({
    events: fc.array(event, { maxLength: 6 }),
    skew: fc.option(fc.integer({ min: -5_000, max: 5_000 })),
    isPart: fc.boolean(),
    hasLedger: fc.boolean(),
    refused: fc.array(fc.record({ at: fc.nat(8), value: nasty }), { maxLength: 2 }),
  })
  .map(({ events, skew, isPart, hasLedger, refused }): ABatch => {
    const sequences = [...new Set(refused.map(({ at }) => Math.min(at, events.length)))].toSorted(
      (a, b) => a - b,
    );
    const rejected = sequences.map((sequence, index) => ({
      sequence: sequence + index,
      code: 'EVENT_TYPE_UNKNOWN' as const,
      path: 'type',
      event: { type: refused[index]?.value },
    }));
    const parents = isPart ? [crypto.randomUUID()] : [];
    const ledger = hasLedger ? { dropped: 1, expired: 0, rejected: 0, unconfirmed: 2 } : null;
    return aBatchNow(events, {
      identity: { parents, offset: isPart ? 3 : 0 },
      contents: { skew, ledger, rejected },
    });
  });

/** The same line, whole, in a form that the store does not write. */
type Form = (line: Record<string, unknown>) => string;
const reversed = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toReversed())
    : value;
const eventsOf = ({ events }: Record<string, unknown>): readonly unknown[] =>
  Array.isArray(events) ? events : [];
const FORMS: readonly (readonly [string, Form])[] = [
  ['with spaces', (line) => JSON.stringify(line, null, 1).replaceAll('\n', '')],
  [
    'with its events in another order of keys',
    (line) => JSON.stringify({ ...line, events: eventsOf(line).map(reversed) }),
  ],
  ['in another order of keys', (line) => JSON.stringify(reversed(line))],
  ['with its rejections before its events', ({ events, ...line }) => JSON.stringify({ ...line, events })],
  ['with a key that nobody knows', (line) => JSON.stringify({ ...line, another: [']}'] })],
  [
    'with other escapes',
    (line) =>
      JSON.stringify(line).replaceAll(/(?<!\\)"[AÄ]/g, (found) =>
        found.endsWith('A') ? '"\\u0041' : '"\\u00c4',
      ),
  ],
  [
    'with a space in its last event',
    (line) => JSON.stringify(line).replace(/,"context":\[(?!.*,"context":\[)/, ',"context": ['),
  ],
];

function inForm(line: Buffer, form: Form): Buffer {
  const fields = checkedFields(line.subarray(0, -1));
  if (fields === undefined) throw new Error('the line is whole');
  const parsed: unknown = JSON.parse(fieldsText(fields));
  if (!isRecord(parsed)) throw new Error('the line is an object');
  return encodeCheckedLine([Buffer.from(form({ ...parsed }).slice(1))]);
}

async function sealedBytes(folder: string, name: string, lines: readonly Buffer[], limits = SEAL_LIMITS) {
  const { data, index } = pairIn(folder, name);
  await rm(data, { force: true });
  await rm(index, { force: true });
  const { summary, records, damage } = await seal(folder, lines, name, limits);
  return {
    data: await readFile(data, 'utf8'),
    index: await readFile(index, 'utf8'),
    summary,
    records,
    damage,
  };
}

async function readBack(folder: string, events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
  const found: StoredEvent[] = [];
  const products = new Map(
    events.map(({ customer, product }) => [JSON.stringify([customer, product]), { customer, product }]),
  );
  for (const filter of products.values()) {
    const read = await readPair(pairIn(folder, 'own'), filter);
    expect(read.damage).toEqual([]);
    found.push(...read.events);
  }
  return found.toSorted(compareEvents);
}

describe('sealing', () => {
  it.each([
    ['clusters of their own', SEAL_LIMITS],
    ['few clusters of their own, and the mixed one', { ...SEAL_LIMITS, maxClusters: 3, maxTypes: 2 }],
    ['the mixed cluster', { ...SEAL_LIMITS, maxNameBytes: 0 }],
  ])(
    'gives the events back as they were sent, whatever is in them: from %s',
    async (_name, limits) => {
      const folder = await tempFolder();
      await fc.assert(
        fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 8 }), async (batches) => {
          const expected = storedEvents(batches);

          const { summary, damage } = await sealedBytes(folder, 'own', logLines(batches), limits);

          expect(damage).toEqual([]);
          expect(summary.rows).toBe(expected.length);
          expect(await readBack(folder, expected)).toEqual(expected);
        }),
        { numRuns: 60 },
      );
    },
    60_000,
  );

  it.each(FORMS)(
    'takes a line %s for the same',
    async (_name, form) => {
      const folder = await tempFolder();
      await fc.assert(
        fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 4 }), async (batches) => {
          const lines = logLines(batches);

          const own = await sealedBytes(folder, 'own', lines);
          const other = await sealedBytes(
            folder,
            'other',
            lines.map((line) => inForm(line, form)),
          );

          expect(other).toEqual(own);
        }),
        { numRuns: 15 },
      );
    },
    60_000,
  );
});
