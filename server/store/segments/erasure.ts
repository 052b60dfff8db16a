import { createHash } from 'node:crypto';
import type { UsageEvent } from '../../../shared/event.ts';

/** Which events are to go for good, of those that are stored. As it is in the manifest, for ever. */
export interface Erasure {
  /** From 1, in the order in which they were asked for. */
  readonly number: number;
  /** When it was asked for, in milliseconds since the Unix epoch. */
  readonly askedMs: number;
  /** The position of the newest batch that it is for. */
  readonly position: number;
  readonly customer: string;
  /** Only events whose timestamp is below it. */
  readonly before?: number;
  /** Only events with a value under a key of their context. */
  readonly key?: ErasedKey;
}

/** A value under a key of the context; the value itself is not kept. */
export interface ErasedKey {
  readonly name: string;
  /** Where types have that key, by type: an index into the context. */
  readonly places: Readonly<Record<string, number>>;
  /** Random text before the value in what is hashed. */
  readonly salt: string;
  /** SHA-256 in hex. */
  readonly digest: string;
}

/** An event as far as erasures can tell it from others. */
export type ErasableEvent = Pick<UsageEvent, 'customer' | 'type' | 'timestamp' | 'context'>;

export function digestOf(salt: string, value: string): string {
  return createHash('sha256').update(salt).update(value).digest('hex');
}

/** Whether one of the erasures is for an event that was stored at a position. */
export function isErased(erasures: readonly Erasure[], event: ErasableEvent, position: number): boolean {
  return erasures.some((erasure) => position <= erasure.position && isFor(erasure, event));
}

/** Whether an erasure is for an event, wherever that is stored. */
export function isFor({ customer, before, key }: Erasure, event: ErasableEvent): boolean {
  if (event.customer !== customer || event.timestamp >= (before ?? Infinity)) return false;
  if (key === undefined) return true;
  const place = Object.hasOwn(key.places, event.type) ? key.places[event.type] : undefined;
  const value = place === undefined ? undefined : event.context[place];
  return typeof value === 'string' && digestOf(key.salt, value) === key.digest;
}
