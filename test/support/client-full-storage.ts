import type { Storage, Transaction } from '../../client/queue/storage.ts';

/**
 * A storage that has no room for more than so many characters.
 *
 * As in Chromium, what a transaction deletes makes room for the next one only, and deleting is possible unless less than
 * nothing is left. Reading always is.
 */
export function limitStorage(storage: Storage, room: { left: number }): Storage {
  return {
    ...storage,
    transact: (stores, work, mode) => {
      let grown = 0;
      let freed = 0;
      return storage.transact(
        stores,
        async (tx) => {
          const result = await work({
            ...tx,
            put(name, record) {
              grown += JSON.stringify(record).length;
              tx.put(name, record);
            },
            delete(name, range) {
              pending.push(sizeOf(tx, name, range).then((size) => (freed += size)));
              tx.delete(name, range);
            },
          });
          await Promise.all(pending.splice(0));
          if (mode !== 'readonly' && grown > room.left)
            throw Object.assign(new Error('full'), { name: 'QuotaExceededError' });
          room.left += freed - grown;
          return result;
        },
        mode,
      );
    },
  };
}

const pending: Promise<unknown>[] = [];

async function sizeOf(tx: Transaction, ...[name, range]: Parameters<Transaction['delete']>): Promise<number> {
  return JSON.stringify(await tx.all(name, range)).length;
}
