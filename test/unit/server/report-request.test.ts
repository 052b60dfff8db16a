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
    const output = { format: 'csv', delimiter: ';', header: false, guard: false, bucketName: 'x' };
    const request = parseReportRequest({ filter: { customer: 'C', product: 'P' }, output }, open);
    expect(request.output).toEqual({ delimiter: ';', header: false, guard: false });
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
    [{ filter: { customer: 'C', product: 'P' }, output: { compression: 'gzip' } }, ['output.compression']],
  ])('refuses %j, naming the fields', (body, paths) => {
    expect(problemPaths(body)).toEqual(paths);
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
});
