import fc from 'fast-check';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProductColumns } from '../../../server/catalog/catalog.ts';
import { FileSink } from '../../../server/reports/output/file-sink.ts';
import { RowLayout } from '../../../server/reports/row-layout.ts';
import { RowWriter } from '../../../server/reports/row-writer.ts';
import { RowEncoding, type RowForm } from '../../../server/reports/rows/row-encoding.ts';
import { loadKernel } from '../../../server/reports/rows/row-kernel.ts';
import type { StoredRow } from '../../../server/store/event-store.ts';
import { csvRow } from '../../../shared/csv-row.ts';
import { DEFAULT_OUTPUT, EXTRA_COLUMNS, type ReportOutput } from '../../../shared/report.ts';
import { KERNEL_PATH } from '../../support/row-kernel.ts';
import { FILTER } from '../../support/events.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const ROWS_A_RUN = 250;
const KERNEL = loadKernel(KERNEL_PATH);
const COLUMNS: ProductColumns = {
  columns: ['a', 'b', 'c', '=d', 'e'],
  keys: { T: ['c', 'a', 'e'], 'T"|\n': ['b'], é: ['e', '=d', 'c', 'b', 'a'], NONE: [] },
};

const CSV: RowForm = { filter: FILTER, output: DEFAULT_OUTPUT, columns: COLUMNS };

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
    fc.oneof(
      { weight: 300, arbitrary: fc.array(fc.option(text, { freq: 5 }), { maxLength: 9 }) },
      // About as many as the kernel takes.
      {
        weight: 1,
        arbitrary: fc.array(fc.option(fc.string({ maxLength: 3 })), { minLength: 254, maxLength: 259 }),
      },
    ),
    fc.oneof(
      { weight: 19, arbitrary: fc.uuid() },
      {
        weight: 1,
        arbitrary: fc.oneof(
          text,
          text.map((any) => any.padEnd(36, '=')),
        ),
      },
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
        const values = made.map(([value]) => value);
        const lines = made.map(([value, spelled]) => spelled(value));
        const { text: written, short, neededExtra } = encodeAll({ ...CSV, output: form }, lines, extra);
        isShort += short;
        const plain = csvOf(values, form, extra);
        expect(written).toBe(plain.text);
        expect(neededExtra).toBe(plain.neededExtra);
      }),
      { numRuns: 150_000 / ROWS_A_RUN },
    );
    // Else the property says nothing of the short way.
    expect(isShort).toBeGreaterThan(40_000);
  }, 120_000);

  it('are the same as JSON, too: byte by byte where they were written as this engine does', () => {
    let isShort = 0;
    fc.assert(
      fc.property(rows, output, (made, form) => {
        const lines = made.map(([value, spelled]) => spelled(value));
        const asNdjson = { ...form, format: 'ndjson' as const };
        const { text: joined, short } = encodeAll({ ...CSV, output: asNdjson }, lines, 0);
        isShort += short;
        const written = joined.split('\n');
        expect(written.pop()).toBe('');
        expect(written).toHaveLength(lines.length);
        for (const [index, [value]] of made.entries()) {
          const wanted = asBytes(JSON.stringify(eventOf(value, asNdjson)));
          if (lines[index] === JSON.stringify(value)) expect(written[index]).toBe(wanted);
          else expect(JSON.parse(written[index] ?? '')).toEqual(JSON.parse(wanted));
        }
      }),
      { numRuns: 30_000 / ROWS_A_RUN },
    );
    expect(isShort).toBeGreaterThan(10_000);
  }, 60_000);

  it('of types that the kernel can not tell apart by their hashes go to the columns of their own', () => {
    // It looks at the first, the middle and the last 8 bytes.
    const [one = '', other = ''] = ['A', 'B'].map(
      (letter) => `FIRST-8-${letter}-------MIDDLE-8--------LAST--8-`,
    );
    const columns = { columns: ['a', 'b'], keys: { [one]: ['a'], [other]: ['b'] } };
    const lines = [one, other, one].map((type) => line([1, type, ['x'], randomBatch, 0, 1, 1, null]));

    expect(encodeAll({ ...CSV, columns }, lines, 0)).toEqual({
      text: `timestamp|type|a|b\n1|${one}|x|\n1|${other}||x\n1|${one}|x|\n`,
      short: 3,
      neededExtra: 0,
    });
  });

  it('of more types of one hash than it looks at go there, too', () => {
    const types = Array.from(
      { length: 100 },
      (_, index) => `FIRST-8-${index + 100}----MIDDLE-8--------LAST--8-`,
    );
    const keys = Object.fromEntries(types.map((type, index) => [type, [index % 2 === 0 ? 'a' : 'b']]));
    const columns = { columns: ['a', 'b'], keys };
    const values = [...types, ...types].map((type): StoredRow => [
      1,
      type,
      ['x'],
      randomBatch,
      0,
      1,
      1,
      null,
    ]);

    expect(encodeAll({ ...CSV, columns }, values.map(line), 0)).toEqual({
      text: csvOf(values, DEFAULT_OUTPUT, 0, columns).text,
      short: values.length,
      neededExtra: 0,
    });
  });

  it('are of more types than there is room for, and of one whose columns alone are too many', () => {
    const many = Array.from({ length: 9_000 }, (_, index) => `TYPE-${index}`);
    const long = Array.from({ length: 3_000 }, (_, index) => `${index}`.padEnd(500, '-'));
    const columns = {
      columns: ['a', 'b'],
      keys: { 'TYPE-7': ['b'], HUGE: Array.from({ length: 140_000 }, () => 'a') },
    };
    const types = [...many, 'TYPE-7', ...long, 'HUGE', ...many];
    const values = types.map((type): StoredRow => [1, type, ['x'], randomBatch, 0, 1, 1, null]);
    const { text: written, short } = encodeAll({ ...CSV, columns }, values.map(line), 1);

    expect(written).toBe(csvOf(values, DEFAULT_OUTPUT, 1, columns).text);
    expect(short).toBe(types.length - 1);
  });

  it('are written though whoever takes them is slow: what there is no room for is kept', async () => {
    const taken: Buffer[] = [];
    let go: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const slow = {
      put: async (bytes: Uint8Array): Promise<void> => {
        await gate;
        taken.push(Buffer.from(bytes));
      },
      end: () => Promise.resolve({ bytes: 0, sha256: '' }),
      close: () => Promise.resolve(),
    };
    const writer = new RowWriter(KERNEL, CSV, 0, slow);
    const values = Array.from({ length: 100_000 }, (_, index): StoredRow => {
      const context = ['x'.repeat(100)];
      return [index, 'T', context, randomBatch, 0, 1, 1, null];
    });
    const bytes = Buffer.from(values.map((value) => `${line(value)}\n`).join(''));
    writer.add(bytes, 0, bytes.length);
    expect(writer.drained()).toBeInstanceOf(Promise);
    go?.();
    await writer.finish();

    expect(Buffer.concat(taken).toString()).toBe(csvOf(values, DEFAULT_OUTPUT, 0).text);
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

/** What rows become, and how many of them did not have to be parsed. */
function encodeAll(
  form: RowForm,
  lines: readonly string[],
  extra: number,
): { text: string; short: number; neededExtra: number } {
  const made: Buffer[] = [];
  const encoding = new RowEncoding(KERNEL, form, 2, (bytes, release) => {
    made.push(Buffer.from(bytes));
    release();
  });
  encoding.begin(extra);
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  encoding.encode(bytes, 0, bytes.length);
  encoding.flush();
  const { rows: count, parsed, neededExtra } = encoding;
  expect(count).toBe(lines.length);
  return { text: Buffer.concat(made).toString(), short: count - parsed, neededExtra };
}

/** The same of values, field by field. */
function csvOf(
  values: readonly StoredRow[],
  form: ReportOutput,
  extra: number,
  columns = COLUMNS,
): { text: string; neededExtra: number } {
  const layout = new RowLayout(columns, extra, form.columns);
  let neededExtra = 0;
  let made = form.header ? csvRow(layout.header, form) : '';
  for (const value of values) {
    neededExtra = Math.max(neededExtra, layout.neededExtra(value[1], value[2].length));
    if (neededExtra <= extra) made += csvRow(layout.fields(value), form);
  }
  return { text: asBytes(made), neededExtra };
}

/** What a line of JSON has of a row. */
function eventOf(
  [timestamp, type, context, batch, sequence, , received, skew, version]: StoredRow,
  { columns }: ReportOutput,
): object {
  return {
    customer: FILTER.customer,
    product: FILTER.product,
    type,
    timestamp,
    context,
    ...(version !== undefined && { version }),
    batch,
    sequence,
    ...(columns.includes('received') && { received }),
    ...(columns.includes('skew') && { skew }),
  };
}

async function write(
  groups: readonly (readonly string[])[],
  extra: number | undefined,
): Promise<{ text: string; needed: number | undefined }> {
  const file = path.join(await tempFolder(), 'report.csv');
  const handle = await open(file, 'w+');
  const sink = new FileSink(handle);
  const writer = new RowWriter(KERNEL, CSV, extra, sink);
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
