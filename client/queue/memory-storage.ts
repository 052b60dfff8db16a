import { FIRST_PERMIT } from './ballast.ts';
import { compareKeys } from './compare-keys.ts';
import { KEY_PATHS, type Records, type StoreName } from './records.ts';
import type { Key, KeyRange, Storage, Transaction } from './storage.ts';

interface Table<Value> {
  select(range: KeyRange, limit?: number): readonly Row<Value>[];
  put(record: Value): void;
  delete(range: KeyRange): void;
  /** @returns What brings the table back to how it is now. */
  mark(): () => void;
}

interface Row<Value> {
  readonly key: Key;
  readonly record: Value;
}

type Tables = { readonly [Name in StoreName]: Table<Records[Name]['value']> };

/**
 * The queue's stores in memory: where the browser refuses IndexedDB, and in tests of the logic above.
 *
 * Transactions run one after the other; one that throws leaves nothing behind.
 */
export function createMemoryStorage(): Storage {
  const tables: Tables = {
    fresh: createTable(KEY_PATHS.fresh),
    sent: createTable(KEY_PATHS.sent),
    endpoints: createTable(KEY_PATHS.endpoints),
    done: createTable(KEY_PATHS.done),
  };
  tables.endpoints.put(FIRST_PERMIT);
  const tx: Transaction = {
    keys: (store, range, limit) => Promise.resolve(tables[store].select(range, limit).map((row) => row.key)),
    all: (store, range, limit) => Promise.resolve(selectRecords(tables[store], range, limit)),
    put: (store, record) => tables[store].put(record),
    delete: (store, range) => tables[store].delete(range),
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    kind: 'memory',
    transact(_stores, work) {
      const result = last.then(async () => {
        const restores = Object.values(tables).map((table) => table.mark());
        try {
          return await work(tx);
        } catch (error) {
          for (const restore of restores) restore();
          throw error;
        }
      });
      last = result.catch(() => undefined);
      return result;
    },
    close() {},
  };
}

function selectRecords<Value>(table: Table<Value>, range: KeyRange, limit?: number): readonly Value[] {
  return table.select(range, limit).map((row) => row.record);
}

function createTable<Value extends object>(keyPath: readonly string[]): Table<Value> {
  let rows: readonly Row<Value>[] = [];
  return {
    select: (range, limit) => rows.filter((row) => isWithin(row.key, range)).slice(0, limit),
    put(record) {
      const key = readKey(record, keyPath);
      const others = rows.filter((row) => compareKeys(row.key, key) !== 0);
      const sorted = [...others, { key, record }];
      sorted.sort((left, right) => compareKeys(left.key, right.key));
      rows = sorted;
    },
    delete(range) {
      rows = rows.filter((row) => !isWithin(row.key, range));
    },
    mark() {
      const before = rows;
      return () => {
        rows = before;
      };
    },
  };
}

function isWithin(key: Key, range: KeyRange): boolean {
  return compareKeys(key, range.from) >= 0 && compareKeys(key, range.to) <= 0;
}

function readKey(record: object, keyPath: readonly string[]): Key {
  const fields = new Map<string, unknown>(Object.entries(record));
  return keyPath.map((field) => {
    const value = fields.get(field);
    if (typeof value !== 'string' && typeof value !== 'number')
      throw new TypeError(`no ${field} for the key`);
    return value;
  });
}
