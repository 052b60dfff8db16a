import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLogRenewal } from '../../../client/queue/renew-log.ts';

/** What was done to databases, in order. */
let calls: string[];
let requests: FakeRequest[];

class FakeRequest extends EventTarget {
  readonly result = { close: () => calls.push('close') };
}

beforeEach(() => {
  vi.useFakeTimers();
  calls = [];
  requests = [];
  vi.stubGlobal('IDBVersionChangeEvent', { prototype: { dataLoss: 'none' } });
  const answer = (call: string) => {
    calls.push(call);
    const request = new FakeRequest();
    requests.push(request);
    return request;
  };
  vi.stubGlobal('indexedDB', {
    open: (name: string) => answer(`open ${name}`),
    deleteDatabase: (name: string) => answer(`delete ${name}`),
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** What is over, in the order in which it was. */
function watch(renewal: Promise<void> | undefined): string[] {
  const over: string[] = [];
  void renewal?.then(() => over.push('over'));
  return over;
}

it('makes a database and deletes it, once', () => {
  const { renewLog } = createLogRenewal();
  void renewLog();
  void renewLog();
  expect(calls).toEqual(['open waybill-scratch']);
  requests[0]?.dispatchEvent(new Event('success'));
  void renewLog();
  expect(calls).toEqual(['open waybill-scratch', 'close', 'delete waybill-scratch']);
});

it('is over a while after the deletion, which Chromium tells of before the log is in a table', async () => {
  const { renewLog, renewal } = createLogRenewal();
  expect(renewal()).toBeUndefined();
  void renewLog();
  const over = watch(renewal());
  requests[0]?.dispatchEvent(new Event('success'));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(over).toEqual([]);
  requests[1]?.dispatchEvent(new Event('success'));
  await vi.advanceTimersByTimeAsync(249);
  expect(over).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toEqual(['over']);
});

it('is over after five seconds, whatever does not answer', async () => {
  const { renewLog } = createLogRenewal();
  const over = watch(renewLog());
  await vi.advanceTimersByTimeAsync(4_999);
  expect(over).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toEqual(['over']);
  void renewLog();
  expect(calls).toEqual(['open waybill-scratch']);
});

it.each([0, 1])(
  'is over after a failure, and tries again when it is called (request %i)',
  async (failing) => {
    const { renewLog, renewal } = createLogRenewal();
    const over = watch(renewLog());
    if (failing === 1) requests[0]?.dispatchEvent(new Event('success'));
    requests[failing]?.dispatchEvent(new Event('error'));
    await vi.advanceTimersByTimeAsync(0);
    expect([over, renewal()]).toEqual([['over'], undefined]);
    void renewLog();
    expect(calls.filter((call) => call.startsWith('open'))).toHaveLength(2);
  },
);

it('does nothing in another browser, or where IndexedDB is refused', async () => {
  vi.stubGlobal('IDBVersionChangeEvent', { prototype: {} });
  await createLogRenewal().renewLog();
  expect(calls).toEqual([]);
  vi.stubGlobal('IDBVersionChangeEvent', undefined);
  await expect(createLogRenewal().renewLog()).resolves.toBeUndefined();
});
