import fc from 'fast-check';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProductColumns } from '../../../server/catalog/catalog.ts';
import { FileSink } from '../../../server/reports/output/file-sink.ts';
import { RowLayout } from '../../../server/reports/row-layout.ts';
import { RowWriter } from '../../../server/reports/row-writer.ts';
import { CsvEncoder } from '../../../server/reports/rows/csv-encoder.ts';
import { NdjsonEncoder } from '../../../server/reports/rows/ndjson-encoder.ts';
import type { RowEncoder } from '../../../server/reports/rows/row-encoder.ts';
import type { StoredRow } from '../../../server/store/event-store.ts';
import { hashOf } from '../../../server/words.ts';
import { DEFAULT_OUTPUT, EXTRA_COLUMNS, type ReportOutput } from '../../../shared/report.ts';
import { FILTER } from '../../support/events.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const ROWS_A_RUN = 50;
const SLACK = 8;
const COLUMNS: ProductColumns = {
  columns: ['a', 'b', 'c', '=d', 'e'],
  keys: { T: ['c', 'a', 'e'], 'T"|\n': ['b'], é: ['e', '=d', 'c', 'b', 'a'], NONE: [] },
};

const piece = fc.oneof(
  fc.constantFrom('|', '"', '\n', '\r', '\t', "'", '=', '+', '-', '@', '\0', '\\', '/', ',', ';', ' ', '#'),
  fc.constantFrom('é', '€', '😀', '\ud83d', '\ude00', '\u2028', '\u007f', '\u001f', '\b', '\f', 'null', '0'),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const text = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
const code = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('T', 'é', 'NONE', 'U', 'A|B', '=A') },
  { weight: 1, arbitrary: fc.oneof(fc.constant('T"|\n'), text) },
);
const row: fc.Arbitrary<StoredRow> = fc
  .tuple(
    fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1.7e12, max: 1.8e12 }) }, fc.maxSafeInteger()),
    code,
    fc.array(fc.option(text, { freq: 5 }), { maxLength: 9 }),
    fc.oneof(
      { weight: 19, arbitrary: fc.uuid() },
      { weight: 1, arbitrary: text.map((any) => any.padEnd(36, '=')) },
    ),
    fc.nat(),
    fc.nat(),
    fc.maxSafeNat(),
    fc.option(fc.integer()),
    fc.option(fc.option(text), { nil: undefined }),
  )
  .map((items): StoredRow => {
    const [timestamp, type, context, batch, sequence, position, received, skew, version] = items;
    return version === undefined
      ? [timestamp, type, context, batch, sequence, position, received, skew]
      : [timestamp, type, context, batch, sequence, position, received, skew, version];
  });
const LONGER: Readonly<Record<string, string>> = { '\\n': '\\u000A', '\\"': '\\u0022', '\\\\': '\\u005c' };
/** The same value in another form of JSON. */
const spell = fc.constantFrom<(value: StoredRow) => string>(
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value).replaceAll(/[^\0-\x7e]/g, escapeUnit),
  (value) => JSON.stringify(value).replace('[', '[ '),
  (value) => JSON.stringify(value).replaceAll(/\\(?:u....|.)/g, (escape) => LONGER[escape] ?? escape),
  (value) => JSON.stringify(value, null, 1).replaceAll('\n', ' '),
);
const output: fc.Arbitrary<ReportOutput> = fc.record({
  format: fc.constant('csv'),
  delimiter: fc.constantFrom(
    '|',
    '|',
    ',',
    ';',
    '\t',
    ' ',
    '=',
    '@',
    "'",
    '-',
    '\\',
    'a',
    '1',
    'é',
    '/',
    '#',
  ),
  header: fc.boolean(),
  guard: fc.boolean(),
  compression: fc.constant(null),
  columns: fc.shuffledSubarray([...EXTRA_COLUMNS]),
  partial: fc.constant(false),
});
const rows = fc.array(fc.tuple(row, spell), { minLength: ROWS_A_RUN, maxLength: ROWS_A_RUN });

describe('rows of a report', () => {
  it('are the same, written as bytes and by parsing them: 150,000 of any texts and forms', () => {
    let isShort = 0;
    fc.assert(
      fc.property(rows, output, fc.integer({ min: 0, max: 9 }), (made, form, extra) => {
        const lines = made.map(([value, spelled]) => spelled(value));
        const encoder = new CsvEncoder(new RowLayout(COLUMNS, extra, form.columns), form);
        const { written, short } = encodeAll(encoder, lines);
        isShort += short;
        const plain = new CsvEncoder(new RowLayout(COLUMNS, extra, form.columns), form);
        expect(written).toEqual(lines.map((each) => asBytes(plain.encodePlain(each))));
        expect(encoder.neededExtra).toBe(plain.neededExtra);
      }),
      { numRuns: 150_000 / ROWS_A_RUN },
    );
    // Else the property says nothing of the short way.
    expect(isShort).toBeGreaterThan(50_000);
  }, 120_000);

  it('are the same as JSON, too: byte by byte where they were written as this engine does', () => {
    let isShort = 0;
    fc.assert(
      fc.property(rows, output, (made, form) => {
        const lines = made.map(([value, spelled]) => spelled(value));
        const { written, short } = encodeAll(new NdjsonEncoder(FILTER, form), lines);
        isShort += short;
        const plain = new NdjsonEncoder(FILTER, form);
        for (const [index, each] of lines.entries()) {
          const wanted = asBytes(plain.encodePlain(each));
          const isOurs = each === JSON.stringify(made[index]?.[0]);
          if (isOurs) expect(written[index]).toBe(wanted);
          else expect(JSON.parse(written[index] ?? '')).toEqual(JSON.parse(wanted));
        }
      }),
      { numRuns: 30_000 / ROWS_A_RUN },
    );
    expect(isShort).toBeGreaterThan(10_000);
  }, 60_000);

  it('of types whose hashes are the same go to the columns of their own', () => {
    const [one, other] = typesOfOneHash();
    const columns = { columns: ['a', 'b'], keys: { [one]: ['a'], [other]: ['b'] } };
    const lines = [one, other, one].map((type) => line([1, type, ['x'], randomBatch, 0, 1, 1, null]));
    const { written, short } = encodeAll(new CsvEncoder(new RowLayout(columns, 0), DEFAULT_OUTPUT), lines);

    expect(written).toEqual([`1|${one}|x|\n`, `1|${other}||x\n`, `1|${one}|x|\n`]);
    expect(short).toBe(3);
  });

  it('get as many columns without a name as there are values, whichever row has the most', async () => {
    const short = line([1, 'U', ['a'], randomBatch, 0, 1, 1, null]);
    const long = line([2, 'U', ['a', null, 'c'], randomBatch, 1, 1, 1, null]);

    expect(await write([[short, long]], undefined)).toEqual({
      text: "timestamp|type|a|b|c|'=d|e|context1|context2|context3\n1|U||||||a||\n2|U||||||a||c\n",
      needed: undefined,
    });
    // Those that come first have fewer: somebody has to begin again.
    expect((await write([[short], [long]], undefined)).needed).toBe(3);
    expect((await write([[short], [long]], 3)).needed).toBeUndefined();
  });

  it('are longer than a buffer, and more than fit into one', async () => {
    const long = line([1, 'T', ['x'.repeat(3_000_000), null, '|'], randomBatch, 0, 1, 1, null]);
    const many = Array.from({ length: 40_000 }, (_, index) =>
      line([index, 'T', ['é'], randomBatch, 0, 1, 1, null]),
    );
    const { text: written } = await write([[long], many, [long]], 0);
    const last = `1|T|||${'x'.repeat(3_000_000)}||`;

    expect(written.length).toBe(
      "timestamp|type|a|b|c|'=d|e\n".length +
        2 * (last.length + 4) +
        many.reduce((sum, _, index) => sum + `${index}|T|||é||\n`.length, 0),
    );
  });
});

const randomBatch = '7a0e6b0e-4f0b-4d5e-9d39-0a8a5a1f2b3c';

/** Two types that only their bytes tell apart. */
function typesOfOneHash(): readonly [string, string] {
  const types = new Map<number, string>();
  for (let number = 100_000; number < 999_999; number++) {
    const type = `TYPE-${number}-${(number * 7_919) % 999_983}`.padEnd(20, '.');
    const bytes = Buffer.from(`${type}\0\0\0\0\0\0\0\0`);
    const hash = hashOf(new DataView(bytes.buffer, bytes.byteOffset), 0, type.length);
    const before = types.get(hash);
    if (before !== undefined) return [before, type];
    types.set(hash, type);
  }
  throw new Error('there are none');
}

function line(value: StoredRow): string {
  return JSON.stringify(value);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`;
}

/** Lone surrogates become what they are in UTF-8. */
function asBytes(value: string): string {
  return Buffer.from(value).toString();
}

/** What an encoder makes of rows, and how many of them it did not have to parse. */
function encodeAll(encoder: RowEncoder, lines: readonly string[]): { written: string[]; short: number } {
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  const padded = Buffer.concat([bytes, Buffer.alloc(SLACK, 0x22)]);
  const view = new DataView(padded.buffer, padded.byteOffset, padded.length);
  const written: string[] = [];
  let short = 0;
  for (let at = 0; at < bytes.length; at = encoder.lineEnd + 1) {
    encoder.scan(view, at, bytes.length);
    const to = new DataView(new ArrayBuffer(encoder.maxBytes(encoder.lineEnd - at)));
    const end = encoder.encode(view, to, 0);
    if (end >= 0) short++;
    written.push(
      end >= 0
        ? Buffer.from(to.buffer, 0, end).toString()
        : asBytes(encoder.encodePlain(bytes.toString('utf8', at, encoder.lineEnd))),
    );
  }
  return { written, short };
}

async function write(
  groups: readonly (readonly string[])[],
  extra: number | undefined,
): Promise<{ text: string; needed: number | undefined }> {
  const file = path.join(await tempFolder(), 'report.csv');
  const handle = await open(file, 'w');
  const sink = new FileSink(handle);
  const writer = new RowWriter({ filter: FILTER, output: DEFAULT_OUTPUT, columns: COLUMNS }, extra, sink);
  for (const group of groups) {
    const bytes = Buffer.from(`${group.join('\n')}\n`);
    writer.add(bytes, 0, bytes.length);
    await writer.drained();
  }
  await writer.finish();
  await sink.end();
  await handle.close();
  return { text: await readFile(file, 'utf8'), needed: writer.neededExtra };
}
