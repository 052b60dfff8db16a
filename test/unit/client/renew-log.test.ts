import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLogRenewal } from '../../../client/queue/renew-log.ts';

/** What was done to databases, in order. */
let calls: string[];
let requests: FakeRequest[];

class FakeRequest extends EventTarget {
  readonly result = { close: () => calls.push('close') };
}

beforeEach(() => {
  calls = [];
  requests = [];
  vi.stubGlobal('IDBVersionChangeEvent', { prototype: { dataLoss: 'none' } });
  vi.stubGlobal('indexedDB', {
    open(name: string) {
      calls.push(`open ${name}`);
      const request = new FakeRequest();
      requests.push(request);
      return request;
    },
    deleteDatabase: (name: string) => calls.push(`delete ${name}`),
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

it('makes a database and deletes it, once', () => {
  const renew = createLogRenewal();
  renew();
  renew();
  expect(calls).toEqual(['open waybill-scratch']);
  requests[0]?.dispatchEvent(new Event('success'));
  renew();
  expect(calls).toEqual(['open waybill-scratch', 'close', 'delete waybill-scratch']);
});

it('tries again when it is called after a failure', () => {
  const renew = createLogRenewal();
  renew();
  requests[0]?.dispatchEvent(new Event('error'));
  expect(calls).toHaveLength(1);
  renew();
  expect(calls).toEqual(['open waybill-scratch', 'open waybill-scratch']);
});

it('does nothing in another browser, or where IndexedDB is refused', () => {
  vi.stubGlobal('IDBVersionChangeEvent', { prototype: {} });
  createLogRenewal()();
  expect(calls).toEqual([]);
  vi.stubGlobal('IDBVersionChangeEvent', undefined);
  expect(createLogRenewal()).not.toThrow();
});
