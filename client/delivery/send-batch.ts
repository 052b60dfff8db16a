import { RECEIPT_PREFERENCE } from '../../shared/batch.ts';
import { utf8Length } from '../../shared/text.ts';
import { PATIENCE } from '../queue/queue-limits.ts';
import type { SentBatch } from '../queue/records.ts';
import { type Answer, readAnswer } from './answer.ts';
import type { Platform } from './platform.ts';

/** A request that takes longer is given up; far below the time of a lease. */
export const REQUEST_LIMIT_MS = 30_000;

/** Below this many characters gzip saves no packet. */
const GZIP_FROM_LENGTH = 1_024;

/**
 * Bytes of all requests together that may outlive their page. Browsers allow 65,536 and refuse a request beyond; the
 * page may have requests of its own.
 */
const MAX_KEEPALIVE_BYTES = 60_000;

let keepaliveBytes = 0;

/**
 * Sends a batch once, uncompressed again at once if the compression may be what was refused.
 *
 * @param isLeaving - The page may be gone in the next moment: the request is made before this returns, and where there
 *   is room for it, so that it outlives the page.
 */
export async function sendBatch(batch: SentBatch, platform: Platform, isLeaving = false): Promise<Answer> {
  const body = writeBody(batch, platform.now());
  const bytes = isLeaving ? utf8Length(body) : 0;
  if (isLeaving && keepaliveBytes + bytes <= MAX_KEEPALIVE_BYTES) {
    keepaliveBytes += bytes;
    try {
      // A type that needs no preflight: there may be nobody left to send the request after it.
      return await post(batch, body, { 'Content-Type': 'text/plain' }, platform, true);
    } finally {
      keepaliveBytes -= bytes;
    }
  }
  // Whatever is said to it, it may be the compression.
  const isPlain = body.length < GZIP_FROM_LENGTH || batch.attempts >= PATIENCE;
  const gzipped = isPlain ? undefined : await compress(body, platform);
  const json = { 'Content-Type': 'application/json' };
  if (gzipped) {
    const answer = await post(batch, gzipped, { ...json, 'Content-Encoding': 'gzip' }, platform);
    // A server or a proxy that can't inflate says 415, or 400 about a body that it couldn't read.
    const isUnread =
      answer.kind === 'refused' &&
      // One that asks for a wait is about the moment.
      answer.retryAfterMs === 0 &&
      (answer.status === 415 || (answer.status === 400 && answer.codes.length === 0));
    if (!isUnread) return answer;
  }
  return post(batch, body, json, platform);
}

/** The request's JSON text. The events are copied as they were frozen, never parsed. */
export function writeBody(batch: SentBatch, nowMs: number): string {
  const { id, parents, offset, ledger, events } = batch;
  const head = JSON.stringify({
    batch: id,
    sentAt: nowMs,
    // In the body it works everywhere and costs no preflight of its own.
    prefer: RECEIPT_PREFERENCE,
    ...(parents.length > 0 ? { parents, offset } : {}),
    ...(ledger ? { ledger } : {}),
  });
  return `${head.slice(0, -1)},"events":[${events}]}`;
}

async function compress(body: string, platform: Platform): Promise<ArrayBuffer | undefined> {
  try {
    const gzipped = await platform.gzip(body);
    return gzipped && gzipped.byteLength < body.length ? gzipped : undefined;
  } catch {
    // Compression is a saving, never a condition.
    return undefined;
  }
}

async function post(
  batch: SentBatch,
  body: string | ArrayBuffer,
  headers: Readonly<Record<string, string>>,
  platform: Platform,
  keepalive = false,
): Promise<Answer> {
  const controller = new AbortController();
  // Covers the body as well: an answer that never ends is none.
  const cancel = platform.after(REQUEST_LIMIT_MS, () => controller.abort());
  try {
    const response = await platform.fetch(batch.endpoint, {
      method: 'POST',
      headers,
      body,
      keepalive,
      credentials: 'omit',
      signal: controller.signal,
    });
    const text = await response.text();
    const retryAfter = response.headers.get('Retry-After');
    const date = response.headers.get('Date');
    return readAnswer(batch, { status: response.status, retryAfter, date, text }, platform.now());
  } catch {
    return { kind: 'silent' };
  } finally {
    cancel();
  }
}
