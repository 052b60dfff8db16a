import { DEFAULT_LIMITS } from '../../shared/limits.ts';
import type { ReportFilter, ReportOutput } from '../../shared/report.ts';
import { isRecord, toWellFormed } from '../../shared/text.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { AppError, type Problem } from '../errors.ts';
import { readOutput, type Refuse } from './output-request.ts';

/** A report that was asked for, checked. */
export interface ReportRequest {
  readonly filter: ReportFilter;
  readonly output: ReportOutput;
}

const MAX_TYPES = 256;
const MAX_CODE_LENGTH = DEFAULT_LIMITS.maxCodeLength;

/**
 * Checks the body of a request for a report.
 *
 * @param catalog - A strict one also refuses codes that it does not list.
 * @throws AppError that names every field that is wrong.
 */
export function parseReportRequest(body: unknown, catalog: Catalog): ReportRequest {
  const problems: Problem[] = [];
  const refuse: Refuse = (path, rule) => {
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
  if (catalog.isStrict) {
    if (customer !== '' && !catalog.hasCustomer(customer))
      refuse('filter.customer', 'is not a customer of the catalog');
    if (product !== '' && !catalog.hasProduct(product))
      refuse('filter.product', 'is not a product of the catalog');
    else if (product !== '') {
      for (const [index, type] of types.entries()) {
        if (type !== '' && !catalog.hasType(product, type))
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

function isCode(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_CODE_LENGTH;
}

/** The codes in their places; empty where one is wrong. */
function readTypes(value: unknown, refuse: Refuse): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > MAX_TYPES) {
    refuse('filter.types', `must be an array of at most ${MAX_TYPES} codes`);
    return [];
  }
  const items: readonly unknown[] = value;
  return items.map((item, index) => {
    if (isCode(item)) return toWellFormed(item);
    refuse(`filter.types[${index}]`, 'must be a code');
    return '';
  });
}
