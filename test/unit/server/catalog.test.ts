import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCatalog, parseCatalog } from '../../../server/catalog/catalog.ts';
import { anEvent } from '../../support/events.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const SMALL = { customers: ['C'], products: { P: { columns: ['a', 'b'], types: { T: ['b', 'a'], U: [] } } } };

function event(customer: string, product: string, type: string, context: readonly string[] = []) {
  return anEvent({ customer, product, type, context });
}

describe('a strict catalog', () => {
  const catalog = parseCatalog(SMALL, true, 'small');

  it.each([
    [event('C', 'P', 'T', ['1', '2']), []],
    [event('C', 'P', 'T'), []],
    [event('C', 'P', 'T', ['1', '2', '3']), ['EVENT_CONTEXT_UNKNOWN context']],
    [event('X', 'P', 'T'), ['EVENT_CUSTOMER_UNKNOWN customer']],
    [event('C', 'X', 'T'), ['EVENT_PRODUCT_UNKNOWN product']],
    [event('C', 'P', 'X'), ['EVENT_TYPE_UNKNOWN type']],
    [event('C', 'P', 'constructor'), ['EVENT_TYPE_UNKNOWN type']],
    [event('X', '__proto__', 'X'), ['EVENT_CUSTOMER_UNKNOWN customer', 'EVENT_PRODUCT_UNKNOWN product']],
  ])('judges %j', (given, expected) => {
    expect(catalog.problems(given).map(({ code, path: at }) => `${code} ${at}`)).toEqual(expected);
  });
});

describe('loadCatalog', () => {
  it('takes any code where none is named, and knows the columns of the example', async () => {
    const catalog = await loadCatalog(undefined);

    expect(catalog.problems(event('X', 'Y', 'Z'))).toEqual([]);
    expect(catalog.columns('ALERT').columns).toEqual(['userId', 'alertId', 'symbol']);
    expect(catalog.columns('CMDTYVIEW').columns).toHaveLength(62);
  });

  it('has no columns when there is to be none', async () => {
    expect((await loadCatalog('none')).columns('ALERT')).toEqual({ columns: [], keys: {} });
  });

  it('is strict when the operator names a file', async () => {
    const file = path.join(await tempFolder(), 'catalog.json');
    await writeFile(file, JSON.stringify(SMALL));

    expect((await loadCatalog(file)).problems(event('X', 'P', 'T'))).toHaveLength(1);
  });

  it.each([
    [[], 'it must be an object'],
    [{ ...SMALL, customers: [1] }, '"customers" must be'],
    [{ ...SMALL, products: { P: { columns: ['a', 'a'], types: {} } } }, 'names one twice'],
    [{ ...SMALL, products: { P: { columns: ['a'], types: { T: ['b'] } } } }, 'has no column "b"'],
  ])('says what is wrong in %j', (value, message) => {
    expect(() => parseCatalog(value, true, 'it.json')).toThrow(message);
  });

  it('names the file that can not be read', async () => {
    await expect(loadCatalog('/nowhere/catalog.json')).rejects.toThrow('/nowhere/catalog.json');
  });
});
