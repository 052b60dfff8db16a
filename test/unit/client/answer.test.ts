import { describe, expect, it } from 'vitest';
import { parseRetryAfter, readAnswer } from '../../../client/delivery/answer.ts';
import { NOW } from '../../support/client-queue.ts';

const SENT = { id: '018bcfe5-6800-7000-8000-000000000001', count: 2 };
const REFUSAL = { sequence: 1, code: 'EVENT_TYPE_UNKNOWN', path: 'events[1].type', message: 'no' };

function read(status: number, body: unknown, retryAfter: string | null = null) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return readAnswer(SENT, { status, retryAfter, date: null, text }, NOW);
}

describe('answer', () => {
  it('is a receipt if it names the batch and accounts for each event', () => {
    expect(read(200, { batch: SENT.id, stored: 2, rejected: [] })).toEqual({
      kind: 'receipt',
      status: 200,
      refusals: [],
    });
    expect(read(200, { batch: SENT.id, stored: 1, rejected: [REFUSAL] })).toMatchObject({
      refusals: [REFUSAL],
    });
  });

  it('is a receipt if it echoes every event of the batch', () => {
    expect(read(200, [{ batch: SENT.id }, { batch: SENT.id }])).toMatchObject({
      kind: 'receipt',
      refusals: [],
    });
    expect(read(200, [{ batch: SENT.id }])).toMatchObject({ kind: 'refused' });
  });

  it.each([
    ['a captive portal', '<html>Log in</html>'],
    ['an empty answer', ''],
    ['another batch', { batch: '018bcfe5-6800-7000-8000-000000000002', stored: 2, rejected: [] }],
    ['too few events', { batch: SENT.id, stored: 1, rejected: [] }],
    ['too many events', { batch: SENT.id, stored: 2, rejected: [REFUSAL] }],
    ['no count', { batch: SENT.id, rejected: [REFUSAL, REFUSAL] }],
    ['a malformed refusal', { batch: SENT.id, stored: 1, rejected: ['x'] }],
    ['null', null],
  ])('is no receipt: %s', (_what, body) => {
    expect(read(200, body)).toMatchObject({ kind: 'refused', codes: [] });
  });

  it('is no receipt under another status', () => {
    expect(read(201, { batch: SENT.id, stored: 2, rejected: [] })).toMatchObject({ kind: 'refused' });
  });

  it('tells our refusal from a proxy’s by the batch that it names', () => {
    const child = { value: { code: 'BATCH_CONFLICT', message: 'other events' }, children: [] };
    const ours = [
      { value: { code: 'REQUEST_GENERAL_FAILURE', message: 'm', batch: SENT.id }, children: [child] },
    ];
    expect(read(422, ours)).toMatchObject({
      codes: ['REQUEST_GENERAL_FAILURE', 'BATCH_CONFLICT'],
      message: 'other events',
    });
    expect(read(422, [{ value: { code: 'X', message: 'm' }, children: [] }])).toMatchObject({ codes: [] });
  });

  it('measures a date in Retry-After by the answer’s own clock where it can', () => {
    const wait = (date: string | null) => {
      const retryAfter = new Date(NOW + 60_000).toUTCString();
      return readAnswer(SENT, { status: 503, retryAfter, date, text: '' }, NOW + 3_000);
    };
    expect(wait(new Date(NOW + 20_000).toUTCString())).toMatchObject({ retryAfterMs: 40_000 });
    expect(wait(null)).toMatchObject({ retryAfterMs: 57_000 });
    expect(wait('noon')).toMatchObject({ retryAfterMs: 57_000 });
  });

  it('reads Retry-After as seconds or as a date, at most one hour', () => {
    const inTenSeconds = new Date(NOW + 10_000).toUTCString();
    const values = [
      '10',
      ' 7 ',
      inTenSeconds,
      '86400',
      '0',
      '-5',
      'soon',
      '',
      null,
      new Date(0).toUTCString(),
    ];
    expect(values.map((value) => parseRetryAfter(value, NOW))).toEqual([
      10_000, 7_000, 10_000, 3_600_000, 0, 0, 0, 0, 0, 5_000,
    ]);
  });
});
