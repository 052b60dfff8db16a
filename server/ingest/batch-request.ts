import { randomUUID } from 'node:crypto';
import { parseLedger, type Ledger } from '../../shared/batch.ts';
import { MAX_PARENTS, type Limits } from '../../shared/limits.ts';
import { isRecord } from '../../shared/text.ts';
import { parseUuid } from '../../shared/uuid.ts';
import { AppError } from '../errors.ts';
import type { CanonicalEvents } from './canonical-events.ts';
import type { EventsBody } from './events-body.ts';

/** A request to store events, its envelope checked, its events not yet. */
export interface CheckedRequest {
  readonly batch: string;
  /** Of unknown shape; none of them if they are in `canonical`. */
  readonly events: readonly unknown[];
  readonly canonical: CanonicalEvents | undefined;
  readonly parents: readonly string[];
  readonly offset: number;
  readonly sentAt: number | null;
  readonly ledger: Ledger | null;
  readonly prefer: string | undefined;
}

/**
 * Checks everything of a request's body but the events themselves.
 *
 * @param idempotencyKey - The header of that name, quoted or bare.
 * @throws AppError that names the first field that is wrong.
 */
export function parseBatchRequest(
  { value: body, canonical }: EventsBody,
  idempotencyKey: string | undefined,
  limits: Limits,
): CheckedRequest {
  if (!isRecord(body)) {
    throw new AppError('REQUEST_INPUT_MALFORMED', 'the body must be a JSON object with an array "events"');
  }
  const { events } = body;
  if (events === undefined)
    throw new AppError('REQUEST_PARAMETER_MISSING', '"events" is required', at('events'));
  if (!Array.isArray(events)) throw malformed('events', 'must be an array');
  const batch = readBatch(body['batch'], idempotencyKey);
  if (events.length > limits.maxEvents) {
    const message = `"events" has ${events.length} items, and this server takes ${limits.maxEvents}`;
    throw new AppError('REQUEST_TOO_LARGE', message, at('events'));
  }
  const parents = readParents(body['parents'], batch);
  const ledger = body['ledger'] ?? null;
  const checkedLedger = ledger === null ? null : parseLedger(ledger);
  if (checkedLedger === undefined) throw malformed('ledger', 'must hold counts that are not negative');
  const prefer = body['prefer'];
  if (prefer !== undefined && typeof prefer !== 'string') throw malformed('prefer', 'must be a string');
  return {
    batch: batch ?? randomUUID(),
    events,
    canonical,
    parents,
    offset: readOffset(body['offset'], parents),
    sentAt: readSentAt(body['sentAt']),
    ledger: checkedLedger,
    prefer,
  };
}

/** The batch id that a body names if it names a good one, for an answer that refuses the body. */
export function namedBatch(body: unknown, idempotencyKey: string | undefined): string | undefined {
  return (isRecord(body) ? parseUuid(body['batch']) : undefined) ?? parseUuid(unquoted(idempotencyKey));
}

function readBatch(field: unknown, idempotencyKey: string | undefined): string | undefined {
  const fromBody = field === undefined || field === null ? undefined : parseUuid(field);
  if (fromBody === undefined && field !== undefined && field !== null)
    throw malformed('batch', 'must be a UUID');
  if (idempotencyKey === undefined) return fromBody;
  const fromHeader = parseUuid(unquoted(idempotencyKey));
  if (fromHeader === undefined) throw malformed('Idempotency-Key', 'must be a UUID');
  if (fromBody !== undefined && fromBody !== fromHeader) {
    throw malformed('batch', 'is not the id that the header Idempotency-Key names');
  }
  return fromHeader;
}

function unquoted(header: string | undefined): string | undefined {
  return header?.trim().replace(/^"(.*)"$/, '$1');
}

function readParents(field: unknown, batch: string | undefined): readonly string[] {
  if (field === undefined || field === null) return [];
  if (!Array.isArray(field) || field.length > MAX_PARENTS) {
    throw malformed('parents', `must be an array of at most ${MAX_PARENTS} UUIDs`);
  }
  const items: readonly unknown[] = field;
  const parents = items.map((item, index) => {
    const parent = parseUuid(item);
    if (parent === undefined) throw malformed(`parents[${index}]`, 'must be a UUID');
    return parent;
  });
  if (parents.length > 0 && batch === undefined) {
    throw new AppError('REQUEST_PARAMETER_MISSING', '"batch" is required beside "parents"', at('batch'));
  }
  if (new Set([...parents, batch]).size <= parents.length)
    throw malformed('parents', 'must name each batch once');
  return parents;
}

function readOffset(field: unknown, parents: readonly string[]): number {
  if (field === undefined || field === null) {
    if (parents.length === 0) return 0;
    throw new AppError('REQUEST_PARAMETER_MISSING', '"offset" is required beside "parents"', at('offset'));
  }
  if (typeof field !== 'number' || !Number.isSafeInteger(field) || field < 0) {
    throw malformed('offset', 'must be an integer that is not negative');
  }
  return parents.length === 0 ? 0 : field + 0;
}

function readSentAt(field: unknown): number | null {
  if (field === undefined || field === null) return null;
  if (typeof field !== 'number' || !Number.isSafeInteger(field)) {
    throw malformed('sentAt', 'must be an integer, in milliseconds since the Unix epoch');
  }
  return field;
}

function malformed(path: string, rule: string): AppError {
  return new AppError('REQUEST_PARAMETER_MALFORMED', `"${path}" ${rule}`, at(path));
}

function at(path: string): { readonly path: string } {
  return { path };
}
