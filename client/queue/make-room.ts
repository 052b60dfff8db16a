import { isRecord } from '../../shared/text.ts';
import { giveUpBallast } from './ballast.ts';
import type { StoreName } from './records.ts';
import type { Storage, Transaction } from './storage.ts';

/** Does the work; if the storage is full, once more after the ballast was given up. */
export async function withRoom<Result>(
  storage: Storage,
  stores: readonly StoreName[],
  work: (tx: Transaction) => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await storage.transact(stores, work);
  } catch (error) {
    if (!isFull(error) || !(await giveUpBallast(storage))) throw error;
    return storage.transact(stores, work);
  }
}

/** Whether it failed for want of space, and thus changed nothing. */
export function isFull(error: unknown): boolean {
  return isRecord(error) && error['name'] === 'QuotaExceededError';
}

/** What a storage does, or something else where that finds no room. */
export async function orIfFull<Result>(
  work: Promise<Result>,
  otherwise: (error: unknown) => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!isFull(error)) throw error;
    return otherwise(error);
  }
}
