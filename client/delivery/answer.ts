import { isRecord } from '../../shared/text.ts';
import type { Refusal } from '../queue/records.ts';
import { MAX_WAIT_MS } from '../queue/queue-limits.ts';

/** Shortest wait for a `Retry-After` with a date: the clocks may disagree, but some wait was meant. */
const MIN_DATE_WAIT_MS = 5_000;

/** What came back for one request. */
export type Answer =
  /** The server has the batch: all of it but the refused events. */
  | { readonly kind: 'receipt'; readonly status: number; readonly refusals: readonly Refusal[] }
  | {
      readonly kind: 'refused';
      readonly status: number;
      /** The server's codes, outermost first; empty unless the answer is our error form and names this batch. */
      readonly codes: readonly string[];
      readonly message: string;
      /** Of `Retry-After`, in milliseconds from now; 0 without one. */
      readonly retryAfterMs: number;
    }
  /** No answer: network, time limit, or a browser that hides it. */
  | { readonly kind: 'silent' };

/**
 * Judges an answer that was read to its end.
 *
 * Only a 200 that names the batch and accounts for each of its events is a receipt: a captive portal
 * answers 200 as well.
 */
export function readAnswer(
  sent: { readonly id: string; readonly count: number },
  response: {
    readonly status: number;
    readonly retryAfter: string | null;
    /** The `Date` header; null where another origin's can't be read. */
    readonly date: string | null;
    readonly text: string;
  },
  nowMs: number,
): Answer {
  const { status } = response;
  const body = parseJson(response.text);
  if (status === 200) {
    const refusals = readReceipt(body, sent.id, sent.count) ?? readEcho(body, sent.id, sent.count);
    if (refusals) return { kind: 'receipt', status, refusals };
  }
  const nodes = readErrorNodes(body, sent.id);
  return {
    kind: 'refused',
    status,
    codes: nodes.map((node) => node.code),
    message: nodes[nodes.length - 1]?.message ?? '',
    retryAfterMs: parseRetryAfter(response.retryAfter, Date.parse(response.date ?? '') || nowMs),
  };
}

/**
 * `Retry-After` as a wait in milliseconds: seconds or an HTTP date, at most one hour; 0 if there is none.
 *
 * @param nowMs - The time by the clock that the date was made with, as far as that is known.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number {
  if (!header) return 0;
  const seconds = Number(header);
  const waitMs = Number.isNaN(seconds)
    ? Math.max(Date.parse(header) - nowMs, MIN_DATE_WAIT_MS)
    : seconds * 1000;
  return waitMs > 0 ? Math.min(waitMs, MAX_WAIT_MS) : 0;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Somebody's page, or a cut answer: it names no batch, and that decides.
    return undefined;
  }
}

function readReceipt(body: unknown, id: string, count: number): readonly Refusal[] | undefined {
  if (!isRecord(body) || body['batch'] !== id || !Array.isArray(body['rejected'])) return undefined;
  const items: readonly unknown[] = body['rejected'];
  const refusals = items.map(readRefusal).filter((item) => item !== undefined);
  return refusals.length === items.length && body['stored'] === count - items.length ? refusals : undefined;
}

function readRefusal(item: unknown): Refusal | undefined {
  if (!isRecord(item) || typeof item['sequence'] !== 'number') return undefined;
  return {
    sequence: item['sequence'],
    code: String(item['code']),
    path: String(item['path']),
    message: String(item['message']),
  };
}

/** The full events, from a server that knows no receipts. */
function readEcho(body: unknown, id: string, count: number): readonly Refusal[] | undefined {
  const isEcho =
    Array.isArray(body) &&
    body.length === count &&
    body.every((event: unknown) => isRecord(event) && event['batch'] === id);
  return isEcho ? [] : undefined;
}

function readErrorNodes(body: unknown, id: string): readonly { code: string; message: string }[] {
  const root: unknown = Array.isArray(body) ? body[0] : undefined;
  if (!isRecord(root) || !isRecord(root['value']) || root['value']['batch'] !== id) return [];
  const children: readonly unknown[] = Array.isArray(root['children']) ? root['children'] : [];
  return [root, children[0]].flatMap((node) => {
    const value = isRecord(node) ? node['value'] : undefined;
    return isRecord(value) ? [{ code: String(value['code']), message: String(value['message']) }] : [];
  });
}
