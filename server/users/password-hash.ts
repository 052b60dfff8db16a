import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { AppError } from '../errors.ts';

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** 2^15 blocks of 8 times 128 bytes: 32 MiB and some 60 ms a hash. */
const COST: Cost = { N: 32_768, r: 8, p: 1 };
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
const KEY_BYTES = 32;
const MAX_WAITING = 100;

let last: Promise<unknown> = Promise.resolve();
let waiting = 0;

/** A salted scrypt hash (RFC 7914) as `scrypt:N:r:p:salt:key`, salt and key in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await deriveKey(password, salt, COST);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join(':');
}

/**
 * Whether a password has this hash. Takes as long without a hash as with one.
 *
 * @throws AppError `AUTHENTICATION_BUSY` when too many hashes wait already.
 */
export async function isPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [, blocks, size, parallel, salt = '', key = ''] = hash?.split(':') ?? [];
  const cost = hash === undefined ? COST : { N: Number(blocks), r: Number(size), p: Number(parallel) };
  const expected = Buffer.from(key, 'base64url');
  const derived = await deriveKey(password, Buffer.from(salt, 'base64url'), cost);
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}

/**
 * One hash at a time: they share the thread pool with the writes of events, and 24 at once were seen
 * to raise the slowest percentile of ingest from 0.1 to 9 seconds.
 */
function deriveKey(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  if (waiting >= MAX_WAITING) {
    const message = 'too many credentials wait to be checked';
    return Promise.reject(new AppError('AUTHENTICATION_BUSY', message, { retryAfterSeconds: 5 }));
  }
  waiting++;
  const derived = last.then(
    () =>
      new Promise<Buffer>((resolve, reject) => {
        scrypt(password, salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY_BYTES }, (error, key) =>
          error === null ? resolve(key) : reject(error),
        );
      }),
  );
  last = derived.then(release, release);
  return derived;
}

function release(): void {
  waiting--;
}
