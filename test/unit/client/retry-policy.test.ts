import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../client/delivery/answer.ts';
import { backoffMs, decide, MAX_BACKOFF_MS } from '../../../client/delivery/retry-policy.ts';
import { MAX_WAIT_MS } from '../../../client/queue/queue-limits.ts';

const FIRST = { count: 10, attempts: 0, lonely: 0, failures: 0 };
const half = () => 0.5;

function refused(status: number, codes: readonly string[] = [], retryAfterMs = 0): Answer {
  return { kind: 'refused', status, codes, message: 'why', retryAfterMs };
}

describe('retry policy', () => {
  it('acknowledges a receipt, whatever was refused in it', () => {
    expect(decide({ kind: 'receipt', status: 200, refusals: [] }, FIRST, half)).toEqual({
      kind: 'acknowledge',
      refusals: [],
    });
  });

  it.each([408, 409, 425, 429, 500, 502, 503, 507, 200, 204, 302])(
    'keeps a batch answered with %i',
    (status) => {
      expect(decide(refused(status), FIRST, half)).toEqual({
        kind: 'retry',
        delayMs: 1000,
        holdMs: 1000,
        silent: false,
        isRefused: false,
      });
    },
  );

  it('knows from our own form alone that a batch was not stored', () => {
    expect(decide(refused(503, ['BUSY']), FIRST, half)).toMatchObject({ kind: 'retry', isRefused: true });
  });

  it('takes what failed inside our server for what may be stored', () => {
    expect(decide(refused(500, ['FAILED']), FIRST, half)).toMatchObject({ kind: 'retry', isRefused: false });
  });

  it.each([401, 403, 404, 410])('waits longest after %i: somebody is mending the site', (status) => {
    expect(decide(refused(status), FIRST, half)).toMatchObject({
      kind: 'retry',
      holdMs: MAX_BACKOFF_MS * 0.75,
    });
  });

  it.each([400, 422])('sets aside what our server refuses by name with %i', (status) => {
    expect(decide(refused(status, ['REQUEST_GENERAL_FAILURE', 'BATCH_CONFLICT']), FIRST, half)).toEqual({
      kind: 'set-aside',
      refusal: { sequence: 0, code: 'BATCH_CONFLICT', path: '', message: 'why' },
    });
    expect(decide(refused(status), FIRST, half)).toMatchObject({ kind: 'retry' });
  });

  it('splits what is too large, down to single events', () => {
    const lone = { ...FIRST, count: 1 };
    expect(decide(refused(413), FIRST, half)).toEqual({ kind: 'split', holdMs: 1000, isRefused: false });
    expect(decide(refused(413, ['TOO_LARGE']), FIRST, half)).toMatchObject({
      kind: 'split',
      isRefused: true,
    });
    expect(decide(refused(413, ['TOO_LARGE']), lone, half)).toMatchObject({ kind: 'set-aside' });
    expect(decide(refused(413), { ...lone, lonely: 3 }, half)).toMatchObject({
      refusal: { code: 'REQUEST_TOO_LARGE' },
    });
  });

  it('keeps a single event that a proxy calls too large until it has done so while others went', () => {
    const lone = { ...FIRST, count: 1, attempts: 9, lonely: 2 };
    expect(decide(refused(413), lone, half)).toMatchObject({ kind: 'retry', silent: false });
  });

  it('obeys a wait that comes with a 413 and changes nothing', () => {
    for (const attempt of [FIRST, { ...FIRST, count: 1 }, { ...FIRST, lonely: 3 }]) {
      const action = decide(refused(413, ['TOO_LARGE'], 60_000), attempt, half);
      expect(action).toMatchObject({ kind: 'retry', holdMs: 60_250 });
    }
  });

  it('splits what the server knows as split, and only if our server says so', () => {
    expect(decide(refused(409, ['BATCH_SPLIT']), FIRST, half)).toMatchObject({
      kind: 'split',
      isRefused: false,
    });
    expect(decide(refused(409, ['STORE_BUSY']), FIRST, half)).toMatchObject({ kind: 'retry' });
  });

  it('splits what alone gets no answer while others do', () => {
    const silent: Answer = { kind: 'silent' };
    expect(decide(silent, { ...FIRST, attempts: 9, lonely: 2 }, half)).toMatchObject({ kind: 'retry' });
    expect(decide(silent, { ...FIRST, lonely: 3 }, half)).toMatchObject({ kind: 'split', holdMs: 1000 });
    expect(decide(silent, { ...FIRST, lonely: 3, count: 1 }, half)).toMatchObject({ kind: 'retry' });
  });

  it.each([403, 406, 500])('splits what alone is refused with %i while others are not', (status) => {
    const lonely = { ...FIRST, attempts: 3, lonely: 3 };
    expect(decide(refused(status), lonely, half)).toMatchObject({ kind: 'split', holdMs: 1000 });
    expect(decide(refused(status), { ...lonely, count: 1 }, half)).toMatchObject({ holdMs: 1000 });
    expect(decide(refused(status, [], 9_000), lonely, half)).toMatchObject({ kind: 'retry', holdMs: 9_250 });
  });

  it('lets others go before a batch that was refused several times, within the longest wait', () => {
    const attempt = { ...FIRST, attempts: 3 };
    expect(decide(refused(500), attempt, half)).toMatchObject({ delayMs: 9000, holdMs: 1000 });
    expect(decide(refused(503, [], MAX_WAIT_MS), attempt, half)).toMatchObject({ delayMs: MAX_WAIT_MS });
  });

  it('lets others go before a batch that has got no answer several times', () => {
    const action = decide({ kind: 'silent' }, { ...FIRST, attempts: 3 }, half);
    expect(action).toEqual({ kind: 'retry', delayMs: 9000, holdMs: 1000, silent: true, isRefused: false });
  });

  it('never comes before the time that was asked for, nor in the same instant as everybody', () => {
    expect(decide(refused(429, [], 10_000), FIRST, half)).toMatchObject({ holdMs: 10_250 });
    expect(decide(refused(503, [], 1_000), { ...FIRST, failures: 9 }, half)).toMatchObject({
      holdMs: 150_000,
    });
    expect(decide(refused(503, [], MAX_WAIT_MS), FIRST, half)).toMatchObject({ holdMs: MAX_WAIT_MS });
  });

  it('doubles the longest wait with each failure up to a cap, with full jitter', () => {
    const nearlyOne = () => 0.999_999_9;
    expect([0, 1, 2, 7, 8, 50].map((failures) => backoffMs(failures, nearlyOne))).toEqual([
      2000, 4000, 8000, 256_000, 300_000, 300_000,
    ]);
    expect(backoffMs(20, () => 0)).toBe(250);
  });
});
