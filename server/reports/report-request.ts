import { DEFAULT_LIMITS } from '../../shared/limits.ts';
import { DEFAULT_OUTPUT, type ReportFilter, type ReportOutput } from '../../shared/report.ts';
import { isRecord, toWellFormed } from '../../shared/text.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { AppError, type Problem } from '../errors.ts';

/** A report that was asked for, checked. */
export interface ReportRequest {
  readonly filter: ReportFilter;
  readonly output: ReportOutput;
}

const MAX_TYPES = 256;
const MAX_CODE_LENGTH = DEFAULT_LIMITS.maxCodeLength;
/** What output a later version may know; until then it must not be taken for the default. */
const UNSUPPORTED = ['compression', 'columns'] as const;

/**
 * Checks the body of a request for a report.
 *
 * @param catalog - A strict one also refuses codes that it does not list.
 * @throws AppError that names every field that is wrong.
 */
export function parseReportRequest(body: unknown, catalog: Catalog): ReportRequest {
  const problems: Problem[] = [];
  const refuse = (path: string, rule: string): void => {
    problems.push({ code: 'REQUEST_PARAMETER_MALFORMED', message: `"${path}" ${rule}`, path });
  };
  const filter = isRecord(body) ? body['filter'] : undefined;
  if (!isRecord(body) || !isRecord(filter)) {
    const message = '"filter" is required, an object with customer and product';
    throw new AppError('REQUEST_PARAMETER_MISSING', message, { path: 'filter' });
  }
  const code = (key: 'customer' | 'product'): string => {
    const value = filter[key];
    const path = `filter.${key}`;
    if (value === undefined || value === null || value === '') {
      problems.push({ code: 'REQUEST_PARAMETER_MISSING', message: `"${path}" is required`, path });
    } else if (isCode(value)) return toWellFormed(value);
    else refuse(path, 'must be a code');
    return '';
  };
  const time = (key: 'start' | 'end'): number | undefined => {
    const value = filter[key];
    if (value === undefined || value === null) return undefined;
    const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number)) return number + 0;
    refuse(`filter.${key}`, 'must be an integer, in milliseconds since the Unix epoch');
    return undefined;
  };

  const customer = code('customer');
  const product = code('product');
  const types = readTypes(filter['types'], refuse);
  const start = time('start');
  const end = time('end');
  if (start !== undefined && end !== undefined && start > end)
    refuse('filter.start', 'is after "filter.end"');
  if (catalog.isStrict && problems.length === 0) {
    if (!catalog.hasCustomer(customer)) refuse('filter.customer', 'is not a customer of the catalog');
    if (!catalog.hasProduct(product)) refuse('filter.product', 'is not a product of the catalog');
    else {
      for (const [index, type] of types.entries()) {
        if (!catalog.hasType(product, type))
          refuse(`filter.types[${index}]`, 'is not a type of this product');
      }
    }
  }
  const output = readOutput(body['output'], refuse);
  if (problems.length > 0) {
    throw new AppError('REQUEST_PARAMETER_MALFORMED', 'the report is not right', { problems });
  }
  // The order of the keys is part of the contract.
  const understood: ReportFilter = {
    customer,
    product,
    ...(types.length > 0 ? { types } : {}),
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
  };
  return { filter: understood, output };
}

type Refuse = (path: string, rule: string) => void;

function isCode(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_CODE_LENGTH;
}

function readTypes(value: unknown, refuse: Refuse): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > MAX_TYPES) {
    refuse('filter.types', `must be an array of at most ${MAX_TYPES} codes`);
    return [];
  }
  const items: readonly unknown[] = value;
  const bad = items.findIndex((item) => !isCode(item));
  if (bad >= 0) {
    refuse(`filter.types[${bad}]`, 'must be a code');
    return [];
  }
  return items.filter(isCode).map(toWellFormed);
}

function readOutput(value: unknown, refuse: Refuse): ReportOutput {
  if (value === undefined || value === null) return DEFAULT_OUTPUT;
  if (!isRecord(value)) {
    refuse('output', 'must be an object');
    return DEFAULT_OUTPUT;
  }
  const format = value['format'] ?? 'csv';
  const delimiter = value['delimiter'] ?? DEFAULT_OUTPUT.delimiter;
  const header = value['header'] ?? DEFAULT_OUTPUT.header;
  const guard = value['guard'] ?? DEFAULT_OUTPUT.guard;
  if (format !== 'csv') refuse('output.format', 'must be "csv"');
  for (const key of UNSUPPORTED) {
    if (value[key] !== undefined && value[key] !== null) refuse(`output.${key}`, 'is not supported');
  }
  if (typeof delimiter !== 'string' || !/^[^"\r\n\p{Surrogate}]$/u.test(delimiter)) {
    refuse('output.delimiter', 'must be one character, not a quote or a line break');
    return DEFAULT_OUTPUT;
  }
  if (typeof header !== 'boolean' || typeof guard !== 'boolean') {
    refuse(typeof header === 'boolean' ? 'output.guard' : 'output.header', 'must be true or false');
    return DEFAULT_OUTPUT;
  }
  return { ...DEFAULT_OUTPUT, delimiter, header, guard };
}
