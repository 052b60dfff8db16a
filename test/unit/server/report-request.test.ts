import { describe, expect, it } from 'vitest';
import { parseCatalog } from '../../../server/catalog/catalog.ts';
import { AppError } from '../../../server/errors.ts';
import { parseReportRequest } from '../../../server/reports/report-request.ts';
import { DEFAULT_OUTPUT } from '../../../shared/report.ts';

const SMALL = { customers: ['C'], products: { P: { columns: ['a'], types: { T: ['a'] } } } };
const open = parseCatalog(SMALL, false, 'small');
const strict = parseCatalog(SMALL, true, 'small');

function problemPaths(body: unknown, catalog = open): readonly (string | undefined)[] {
  try {
    parseReportRequest(body, catalog);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.problems.map(({ path }) => path);
  }
}

describe('parseReportRequest', () => {
  it('understands numbers and texts of numbers, in the order of keys that clients need', () => {
    const filter = { end: '20', start: 10, types: ['T'], product: 'P', customer: 'C', other: 1 };

    const { filter: understood, output } = parseReportRequest({ filter }, open);

    expect(JSON.stringify(understood)).toBe(
      '{"customer":"C","product":"P","types":["T"],"start":10,"end":20}',
    );
    expect(output).toEqual(DEFAULT_OUTPUT);
  });

  it('takes empty types for all, and null for absent', () => {
    const filter = { customer: 'C', product: 'P', types: [], start: null, end: null };
    expect(parseReportRequest({ filter, output: null }, open).filter).toEqual({
      customer: 'C',
      product: 'P',
    });
  });

  it('takes what the output may be, and ignores what it does not know', () => {
    const output = {
      format: 'ndjson',
      delimiter: '😀',
      header: false,
      guard: false,
      compression: 'gzip',
      columns: ['skew', 'version', 'received', 'batch', 'sequence'],
      partial: true,
    };
    const given = { ...output, bucketName: 'x', bucketKey: 1 };
    const request = parseReportRequest({ filter: { customer: 'C', product: 'P' }, output: given }, open);
    expect(request.output).toEqual(output);
  });

  it.each([
    [undefined, ['filter']],
    [{ filter: 'x' }, ['filter']],
    [{ filter: {} }, ['filter.customer', 'filter.product']],
    [{ filter: { customer: 1, product: [] } }, ['filter.customer', 'filter.product']],
    [{ filter: { customer: 'C', product: 'P', types: 'T' } }, ['filter.types']],
    [{ filter: { customer: 'C', product: 'P', types: ['T', 1] } }, ['filter.types[1]']],
    [{ filter: { customer: 'C', product: 'P', start: 'soon', end: 1.5 } }, ['filter.start', 'filter.end']],
    [{ filter: { customer: 'C', product: 'P', start: 2, end: 1 } }, ['filter.start']],
    [{ filter: { customer: 'C', product: 'P' }, output: { delimiter: '||' } }, ['output.delimiter']],
    [{ filter: { customer: 'C', product: 'P' }, output: { delimiter: '"' } }, ['output.delimiter']],
    [{ filter: { customer: 'C', product: 'P' }, output: { header: 'yes' } }, ['output.header']],
    [{ filter: { customer: 'C', product: 'P' }, output: { format: 'xlsx' } }, ['output.format']],
    [{ filter: { customer: 'C', product: 'P' }, output: [] }, ['output']],
    [{ filter: { customer: 'C', product: 'P' }, output: { delimiter: '\n' } }, ['output.delimiter']],
    [{ filter: { customer: 'C', product: 'P' }, output: { delimiter: 7 } }, ['output.delimiter']],
    [{ filter: { customer: 'C', product: 'P' }, output: { compression: 'zip' } }, ['output.compression']],
    [{ filter: { customer: 'C', product: 'P' }, output: { columns: 'batch' } }, ['output.columns']],
    [
      { filter: { customer: 'C', product: 'P' }, output: { columns: ['batch', 'x', 'batch'] } },
      ['output.columns[1]', 'output.columns[2]'],
    ],
    [
      { filter: { customer: 'C', product: 'P' }, output: { columns: ['a', 'b', 'c', 'd', 'e', 'f'] } },
      ['output.columns'],
    ],
    [
      {
        filter: { customer: 'C' },
        output: { format: 1, delimiter: '', header: 0, guard: 1, compression: true, partial: 'no' },
      },
      [
        'filter.product',
        'output.format',
        'output.delimiter',
        'output.header',
        'output.guard',
        'output.compression',
        'output.partial',
      ],
    ],
  ])('refuses %j, naming the fields', (body, paths) => {
    expect(new Set(problemPaths(body))).toEqual(new Set(paths));
  });

  it('refuses unknown codes only where the catalog is strict', () => {
    expect(problemPaths({ filter: { customer: 'X', product: 'Y' } })).toEqual([]);
    expect(problemPaths({ filter: { customer: 'X', product: 'Y' } }, strict)).toEqual([
      'filter.customer',
      'filter.product',
    ]);
    expect(problemPaths({ filter: { customer: 'C', product: 'P', types: ['T', 'U'] } }, strict)).toEqual([
      'filter.types[1]',
    ]);
  });

  it('names all that is wrong at once', () => {
    const filter = { customer: 'X', product: 'P', types: ['T', 1, 'U'], start: 'soon' };
    const paths = ['filter.customer', 'filter.start', 'filter.types[1]', 'filter.types[2]', 'output.header'];
    expect(new Set(problemPaths({ filter, output: { header: 1 } }, strict))).toEqual(new Set(paths));
  });
});
