import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { anEvent } from './events.ts';
import { postJson, reportedNames } from './report-client.ts';

/** A batch that is posted until it is acknowledged. */
export interface Posted {
  readonly body: { readonly batch: string; readonly events: readonly unknown[]; readonly prefer: string };
  /** The names of its events: their second context values. */
  readonly names: readonly string[];
}

export interface PostAnswer {
  readonly posted: Posted;
  readonly status: number;
  /** Seconds. */
  readonly retryAfter: number | null;
  readonly body: unknown;
}

/**
 * A new batch of two events.
 *
 * @param bytes - Roughly; of each event.
 */
export function aPost(bytes = 100): Posted {
  const batch = randomUUID();
  const names = [`${batch}-0`, `${batch}-1`];
  const padding = Array.from({ length: Math.ceil(bytes / 4_096) }, () => 'x'.repeat(Math.min(bytes, 4_096)));
  const events = names.map((name) => anEvent({ context: ['user', name, ...padding] }));
  return { body: { batch, events, prefer: 'return=minimal' }, names };
}

/** Posts a batch once; rejects only if there is no answer at all. */
export async function post(url: string, posted: Posted): Promise<PostAnswer> {
  const response = await postJson(`${url}/events`, posted.body);
  const retryAfter = response.headers.get('retry-after');
  const body: unknown = await response.json();
  return {
    posted,
    status: response.status,
    retryAfter: retryAfter === null ? null : Number(retryAfter),
    body,
  };
}

export function postAll(url: string, batches: readonly Posted[]): Promise<readonly PostAnswer[]> {
  return Promise.all(batches.map((posted) => post(url, posted)));
}

/** Each batch is acknowledged as a whole. */
export function expectStored(answers: readonly PostAnswer[]): void {
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 200, body: { batch: answer.posted.body.batch, stored: 2 } });
  }
}

/** Each batch is refused, in our form, until later. */
export function expectRefused(answers: readonly PostAnswer[], status: number, code: string): void {
  const message = 'An attempt to store events failed.';
  for (const answer of answers) {
    expect(answer).toMatchObject({ status, retryAfter: 5 });
    expect(answer.body).toEqual([
      {
        value: { code: 'REQUEST_GENERAL_FAILURE', message, batch: answer.posted.body.batch },
        children: [{ value: { code, message: expect.any(String) }, children: [] }],
      },
    ]);
  }
}

/** A report has the events of these batches once, and none besides. */
export async function expectReported(url: string, batches: readonly Posted[]): Promise<void> {
  const reported = await reportedNames(url);
  expect(reported.toSorted()).toEqual(batches.flatMap(({ names }) => names).toSorted());
}

export async function expectHealth(url: string, isWritable: boolean): Promise<void> {
  const response = await fetch(`${url}/service/health`);
  expect(await response.json()).toMatchObject({
    status: isWritable ? 'ready' : 'read-only',
    store: { writable: isWritable, damage: 0 },
  });
}
