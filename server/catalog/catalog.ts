import { readFile } from 'node:fs/promises';
import type { EventProblem } from '../../shared/error-codes.ts';
import type { UsageEvent } from '../../shared/event.ts';
import { isRecord } from '../../shared/text.ts';
import example from './usage.catalog.json' with { type: 'json' };

interface Product {
  /** Names of the report columns, in their order. */
  readonly columns: readonly string[];
  /** The keys of the context's positions, by type code. */
  readonly types: ReadonlyMap<string, readonly string[]>;
}

/** Columns of one product's reports, in a form that can be sent to another process. */
export interface ProductColumns {
  readonly columns: readonly string[];
  /** The column of each context position, by type code. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
}

/** The known customers, products and types, and what the positions of their contexts are called. */
export class Catalog {
  /** Whether codes that are not listed are refused. */
  readonly isStrict: boolean;
  readonly #customers: ReadonlySet<string>;
  readonly #products: ReadonlyMap<string, Product>;

  constructor(isStrict: boolean, customers: ReadonlySet<string>, products: ReadonlyMap<string, Product>) {
    this.isStrict = isStrict;
    this.#customers = customers;
    this.#products = products;
  }

  /** What a strict catalog has against an event; nothing if it is not strict. */
  problems(event: UsageEvent): readonly EventProblem[] {
    if (!this.isStrict) return [];
    const problems: EventProblem[] = [];
    if (!this.hasCustomer(event.customer))
      problems.push({ code: 'EVENT_CUSTOMER_UNKNOWN', path: 'customer' });
    const product = this.#products.get(event.product);
    if (product === undefined) return [...problems, { code: 'EVENT_PRODUCT_UNKNOWN', path: 'product' }];
    const keys = product.types.get(event.type);
    if (keys === undefined) problems.push({ code: 'EVENT_TYPE_UNKNOWN', path: 'type' });
    else if (event.context.length > keys.length) {
      problems.push({ code: 'EVENT_CONTEXT_UNKNOWN', path: 'context' });
    }
    return problems;
  }

  hasCustomer(customer: string): boolean {
    return this.#customers.has(customer);
  }

  hasProduct(product: string): boolean {
    return this.#products.has(product);
  }

  hasType(product: string, type: string): boolean {
    return this.#products.get(product)?.types.has(type) === true;
  }

  /** Where contexts have a key, by product and type: the index of its value. Empty if no type has it. */
  placesOf(key: string): Readonly<Record<string, Readonly<Record<string, number>>>> {
    const places = [...this.#products].map(([product, { types }]) => {
      const withKey = [...types].filter(([, keys]) => keys.includes(key));
      return [product, Object.fromEntries(withKey.map(([type, keys]) => [type, keys.indexOf(key)]))] as const;
    });
    return Object.fromEntries(places.filter(([, types]) => Object.keys(types).length > 0));
  }

  /** The columns of a product's reports; none for a product that is not listed. */
  columns(code: string): ProductColumns {
    const product = this.#products.get(code);
    if (product === undefined) return { columns: [], keys: {} };
    return { columns: product.columns, keys: Object.fromEntries(product.types) };
  }
}

/**
 * The catalog that the operator asked for.
 *
 * @param source - Path of a catalog, which is then strict; `none` for an empty one; undefined for the
 *   bundled example, which names columns and refuses nothing.
 * @throws Error that names the file and what is wrong in it.
 */
export async function loadCatalog(source: string | undefined): Promise<Catalog> {
  if (source === 'none') return new Catalog(false, new Set(), new Map());
  if (source === undefined) return parseCatalog(example, false, 'the bundled catalog');
  let value: unknown;
  try {
    value = JSON.parse(await readFile(source, 'utf8'));
  } catch (error) {
    throw new Error(`the catalog ${source} can not be read`, { cause: error });
  }
  return parseCatalog(value, true, source);
}

/** @throws Error that names `source` and the first thing wrong in it. */
export function parseCatalog(value: unknown, isStrict: boolean, source: string): Catalog {
  const fail = (what: string): never => {
    throw new Error(`the catalog ${source} is not right: ${what}`);
  };
  if (!isRecord(value)) return fail('it must be an object');
  const customers = strings(value['customers']) ?? fail('"customers" must be an array of codes');
  if (!isRecord(value['products'])) return fail('"products" must be an object');
  const products = new Map<string, Product>();
  for (const [code, product] of Object.entries(value['products'])) {
    if (!isRecord(product)) return fail(`products.${code} must be an object`);
    const columns = strings(product['columns']) ?? fail(`products.${code}.columns must be an array of names`);
    if (new Set(columns).size < columns.length) return fail(`products.${code}.columns names one twice`);
    if (!isRecord(product['types'])) return fail(`products.${code}.types must be an object`);
    const types = new Map<string, readonly string[]>();
    for (const [type, listed] of Object.entries(product['types'])) {
      const keys = strings(listed) ?? fail(`products.${code}.types.${type} must be an array of columns`);
      const stranger = keys.find((key) => !columns.includes(key));
      if (stranger !== undefined) return fail(`products.${code}.types.${type} has no column "${stranger}"`);
      if (new Set(keys).size < keys.length)
        return fail(`products.${code}.types.${type} names a column twice`);
      types.set(type, keys);
    }
    products.set(code, { columns, types });
  }
  return new Catalog(isStrict, new Set(customers), products);
}

function strings(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: readonly unknown[] = value;
  const texts = items.filter((item) => typeof item === 'string' && item !== '');
  return texts.length === items.length ? texts.map(String) : undefined;
}
