import catalog from '../../../server/catalog/usage.catalog.json' with { type: 'json' };
import type { UsageEvent } from '../../../shared/event.ts';

export const CUSTOMER = 'BARCHART';
export const PRODUCT = 'PORTFOLIO';
export const VERSION = '4.12.1';

const FIRST_AT = 1_760_000_000_000;

/** Longest time between two things that a user does. */
const MAX_PAUSE_MS = 8_000;

const USER = '7d1f6c1e-5a0b-4f0e-9c68-3b1f6f0a2d11';

/** Two portfolios and four positions in them: six objects. */
const PORTFOLIOS = ['b2c6a1c4-2d0e-4f7a-8a57-91f2c1d0e3b7', '0c9f4a52-7e1b-4d86-b5a3-6f2e8d90c1a4'];
const POSITIONS = [
  { positionId: 'e41b7d90-3c5a-4f28-9d16-a07c5b8e2f63', symbol: 'AAPL' },
  { positionId: '5f8c2e17-b64d-4a93-8e70-1d9b3fa6c052', symbol: 'ZCZ26' },
  { positionId: '91a6d3f8-0e27-4cb5-a149-c82f7e5d6b30', symbol: 'MSFT' },
  { positionId: '2b70e9c5-8d41-4f6e-b3a2-57d0c16f9e84', symbol: 'CLX26' },
];

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  frame: ['2024', '2025', 'YTD'],
  viewName: ['Main', 'Fundamental', 'Performance', 'Dividends'],
  showClosedPositions: ['true', 'false'],
  dividendStrategy: ['REINVEST', 'PAYOUT'],
  cashAdjustmentStrategy: ['NONE', 'TRANSFER'],
  duration: ['1M', '6M', '1Y', '5Y'],
};

/**
 * The events that everything about the client is measured with: one user's, on six objects of one product,
 * types of the catalog by a Zipf law in the catalog's order. The same ones at every call: the longer list
 * begins with the shorter one.
 */
export function makeDataSet(count: number): readonly UsageEvent[] {
  const random = seededRandom(20_251_009);
  const types = Object.entries(catalog.products[PRODUCT].types);
  const weights = types.map((_, place) => 1 / (place + 1));
  const pickType = (): (typeof types)[number] => types[pickWeighted(weights, random())] ?? ['', []];
  let timestamp = FIRST_AT;
  return Array.from({ length: count }, () => {
    const [type, keys] = pickType();
    timestamp += 1 + Math.floor(random() * MAX_PAUSE_MS);
    const place = Math.floor(random() * POSITIONS.length);
    const choice = random();
    const context = keys.map((key) => valueOf(key, place, choice));
    return { customer: CUSTOMER, product: PRODUCT, type, timestamp, context, version: VERSION };
  });
}

function valueOf(key: string, place: number, choice: number): string {
  if (key === 'userId') return USER;
  if (key === 'portfolioId') return PORTFOLIOS[place % PORTFOLIOS.length] ?? '';
  const position = POSITIONS[place];
  if (key === 'positionId') return position?.positionId ?? '';
  if (key === 'symbol') return position?.symbol ?? '';
  const values = CHOICES[key] ?? [];
  const value = values[Math.floor(choice * values.length)];
  if (value === undefined) throw new Error(`the data set has no values for the key ${key}`);
  return value;
}

/** The place that a number from 0 to below 1 falls on, each as likely as its weight says. */
function pickWeighted(weights: readonly number[], chance: number): number {
  let left = chance * weights.reduce((sum, weight) => sum + weight, 0);
  const place = weights.findIndex((weight) => (left -= weight) < 0);
  return place === -1 ? weights.length - 1 : place;
}

/** Numbers from 0 to below 1, the same on every machine: the mulberry32 generator. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
