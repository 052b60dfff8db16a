import type { Key } from './storage.ts';

/** Order of two keys as IndexedDB has it: negative if `left` comes first. */
export function compareKeys(left: Key, right: Key): number {
  for (let index = 0; index < left.length && index < right.length; index++) {
    const order = compareItems(left[index], right[index]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareItems(left: Key[number] | undefined, right: Key[number] | undefined): number {
  const order = rank(left) - rank(right);
  if (order !== 0) return order;
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0;
  return Array.isArray(left) && Array.isArray(right) ? compareKeys(left, right) : 0;
}

function rank(item: Key[number] | undefined): number {
  return typeof item === 'number' ? 0 : typeof item === 'string' ? 1 : 2;
}
