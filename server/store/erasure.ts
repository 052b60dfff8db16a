import { createHash, randomUUID } from 'node:crypto';
import type { UsageEvent } from '../../shared/event.ts';
import { refusedText } from '../refused-text.ts';

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
  readonly places: KeyPlaces;
  /** Random text before the value in what is hashed. */
  readonly salt: string;
  /** SHA-256 in hex. */
  readonly digest: string;
  /** The same of what refused events keep of the value; absent where that is all of it. */
  readonly cut?: string;
}

/** Where types have a key, by product and type: an index into the context. */
export type KeyPlaces = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** An event as far as erasures can tell it from others. */
export type ErasableEvent = Pick<UsageEvent, 'customer' | 'product' | 'type' | 'timestamp' | 'context'>;

/**
 * A value under a key as it is kept: only whoever knows it can tell it.
 *
 * @param salt - Of a store's erasures all should have the same, so that a value is hashed once for all of them.
 */
export function erasedKey(
  {
    name,
    value,
    places,
  }: {
    readonly name: string;
    readonly value: string;
    readonly places: KeyPlaces;
  },
  salt: string = randomUUID(),
): ErasedKey {
  const key = { name, places, salt, digest: digestOf(salt, value) };
  const cut = refusedText(value);
  return cut === value ? key : { ...key, cut: digestOf(salt, cut) };
}

/** Digests of the values that were looked at last; hashing each for each erasure would cost more than all else. */
const digests = new Map<string, string>();
const MAX_DIGESTS = 1_000;

function digestOf(salt: string, value: string): string {
  const key = `${salt} ${value}`;
  let digest = digests.get(key);
  if (digest === undefined) {
    digest = createHash('sha256').update(salt).update(value).digest('hex');
    if (digests.size === MAX_DIGESTS) digests.clear();
    digests.set(key, digest);
  }
  return digest;
}

/** The first of the erasures that is for an event that was stored at a position. */
export function erasureOf(
  erasures: readonly Erasure[],
  event: ErasableEvent,
  position: number,
): Erasure | undefined {
  return erasures.find((erasure) => position <= erasure.position && isFor(erasure, event));
}

/**
 * The same for an event that was refused, of whose texts only the beginning is kept: where that is all that can be
 * told, it is for one that begins alike, too.
 */
export function erasureOfRefused(
  erasures: readonly Erasure[],
  event: ErasableEvent,
  position: number,
): Erasure | undefined {
  return erasures.find((erasure) => position <= erasure.position && isForRefused(erasure, event));
}

function isFor({ customer, before, key }: Erasure, event: ErasableEvent): boolean {
  if (event.customer !== customer || event.timestamp >= (before ?? Infinity)) return false;
  if (key === undefined) return true;
  const place = placeIn(key.places, event);
  const value = place === undefined ? undefined : event.context[place];
  return typeof value === 'string' && digestOf(key.salt, value) === key.digest;
}

function isForRefused({ customer, before, key }: Erasure, event: ErasableEvent): boolean {
  if (event.customer !== refusedText(customer) || event.timestamp >= (before ?? Infinity)) return false;
  if (key === undefined) return true;
  return placesInRefused(key.places, event).some((place) => {
    const value = event.context[place];
    return typeof value === 'string' && [key.digest, key.cut].includes(digestOf(key.salt, value));
  });
}

/** A product or type may have any name, also one that all objects know. */
function placeIn(places: KeyPlaces, { product, type }: ErasableEvent): number | undefined {
  const types = Object.hasOwn(places, product) ? places[product] : undefined;
  return types !== undefined && Object.hasOwn(types, type) ? types[type] : undefined;
}

/** Several if names begin alike. */
function placesInRefused(places: KeyPlaces, { product, type }: ErasableEvent): readonly number[] {
  return valuesUnder(places, product).flatMap((types) => valuesUnder(types, type));
}

function valuesUnder<Value>(values: Readonly<Record<string, Value>>, kept: string): readonly Value[] {
  return Object.entries(values)
    .filter(([name]) => refusedText(name) === kept)
    .map(([, value]) => value);
}
