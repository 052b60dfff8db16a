import { isRecord } from '../../shared/text.ts';

/** What a test wants to know of a request that our client sent. */
export interface SentBody {
  readonly text: string;
  readonly batch: string;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

/** @throws If it is no plain JSON batch. */
export function readBody(body: RequestInit['body']): SentBody {
  const text = typeof body === 'string' ? body : '';
  const value: unknown = JSON.parse(text);
  if (!isRecord(value) || !Array.isArray(value['events'])) throw new Error(`not a batch: ${text}`);
  return { text, batch: String(value['batch']), events: value['events'].filter(isRecord) };
}

/** A receipt for the whole of the batch in a request's body. */
export function receiptFor({ body }: RequestInit): Response {
  const { batch, events } = readBody(body);
  return Response.json({ batch, stored: events.length, rejected: [] });
}
