import { type IDBPDatabase, openDB, unwrap, wrap } from 'idb';
import { isRecord } from '../../shared/text.ts';
import { FIRST_PERMIT } from './ballast.ts';
import { KEY_PATHS, type Records, type StoreName } from './records.ts';
import { createLogRenewal } from './renew-log.ts';
import type { KeyRange, Storage, Transaction } from './storage.ts';

type Schema = { [Name in StoreName]: Records[Name] };

type Database = IDBPDatabase<Schema>;

// None is asked for: a new database gets 1, which is never raised by us, and one that somebody has raised all the same
// can still be opened.
const VERSION = undefined;

/** Longest wait for a connection. A guess: some browsers never answer `open` in some profiles. */
const OPEN_LIMIT_MS = 10_000;

/**
 * The queue's stores in IndexedDB.
 *
 * A connection that the browser, a cleared origin or another tab has closed is replaced at the next
 * transaction.
 */
export function createIdbStorage(name: string): Storage {
  let connection: Promise<Database> | undefined;

  function connect(): Promise<Database> {
    if (connection) return connection;
    const opening = new Promise<Database>((resolve, reject) => {
      let isLate = false;
      setTimeout(() => {
        isLate = true;
        reject(new Error('no answer'));
      }, OPEN_LIMIT_MS);
      openDB<Schema>(name, VERSION, {
        upgrade(db, _from, _to, tx) {
          for (const store of ['fresh', 'sent', 'endpoints', 'done'] as const) {
            db.createObjectStore(store, { keyPath: [...KEY_PATHS[store]] });
          }
          // Should it fail, so does opening.
          tx.objectStore('endpoints')
            .put(FIRST_PERMIT)
            .catch(() => undefined);
        },
        // Somebody deletes the database or a later bundle changes it: standing in the way would block it.
        blocking: () => drop(opening),
        terminated: () => drop(opening),
      }).then((db) => (isLate ? db.close() : resolve(db)), reject);
    });
    connection = opening;
    opening.catch(() => drop(opening));
    return opening;
  }

  function drop(which: Promise<Database>): void {
    if (connection === which) connection = undefined;
    which.then(
      (db) => db.close(),
      () => undefined,
    );
  }

  return {
    kind: 'indexeddb',
    async transact(stores, work, mode = 'readwrite') {
      for (let isRetry = false; ; isRetry = true) {
        const opened = connect();
        const db = unwrap(await opened);
        let tx: IDBTransaction;
        try {
          // Relaxed survives a crash of the browser; strict would cost a disk sync for each burst.
          tx = db.transaction([...stores], mode, { durability: 'relaxed' });
        } catch (error) {
          // Nothing was written: the connection was dead before it was used.
          drop(opened);
          if (isRetry) throw error;
          continue;
        }
        let failure: unknown;
        tx.addEventListener('error', ({ target }) => {
          // What the others say is that they were aborted; this is why.
          if (target instanceof IDBRequest && target.error?.name !== 'AbortError') failure ??= target.error;
        });
        const done = new Promise((resolve, reject) => {
          tx.addEventListener('complete', resolve);
          tx.addEventListener('abort', reject);
          // Firefox may complete it all the same.
          tx.addEventListener('error', reject);
        });
        done.catch(() => undefined);
        try {
          const working = work(wrapTransaction(tx));
          // Committed from this task, so that it completes although the page may be gone in the next. Only where nothing
          // was read before: Firefox completes a transaction that was told to commit although a write in it fails.
          if (!isPromise(working)) tx.commit?.();
          const result = await working;
          await done;
          return result;
        } catch (error) {
          const reason = failure ?? tx.error ?? error;
          // A transaction that has failed by itself can't be aborted again.
          try {
            tx.abort();
          } catch {}
          drop(opened);
          throw reason;
        }
      }
    },
    ...createLogRenewal(),
    close() {
      if (connection) drop(connection);
    },
  };
}

/**
 * Without the library's proxies, which cost the main thread time: of a write, nobody wants a promise or what it
 * returns.
 */
function wrapTransaction(tx: IDBTransaction): Transaction {
  return {
    keys: (store, range, limit) => read(tx.objectStore(store).getAllKeys(toIdbRange(range), limit)),
    all: (store, range, limit) => read(tx.objectStore(store).getAll(toIdbRange(range), limit)),
    put(store, record) {
      tx.objectStore(store).put(record);
    },
    delete(store, range) {
      tx.objectStore(store).delete(toIdbRange(range));
    },
  };
}

/** Also of another kind than the page's `Promise`, which libraries replace: an asynchronous function's stays native. */
function isPromise(value: unknown): boolean {
  return isRecord(value) && 'then' in value;
}

/** What lies in a store is what `Schema` says: nobody else writes there. */
function read<Result>(request: IDBRequest): Promise<Result> {
  return wrap(request);
}

function toIdbRange(range: KeyRange): IDBKeyRange {
  return IDBKeyRange.bound(range.from, range.to);
}
