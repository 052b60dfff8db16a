import { afterEach, describe, expect, it, vi } from 'vitest';
import { createIdbStorage } from '../../../client/queue/idb-storage.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import { openStorage } from '../../../client/queue/open-storage.ts';
import { ENDPOINT } from '../../support/client-queue.ts';

class SilentRequest extends EventTarget {
  readonly close = vi.fn<() => void>();
  result: object = { close: this.close, addEventListener: () => undefined };
}

/** Of a kind that the library wraps. */
class OpenDatabase extends Set {
  readonly tx = Object.assign(new EventTarget(), {
    error: null,
    commit: () => undefined,
    abort: () => {
      throw new Error('it has completed');
    },
  });
  addEventListener(): void {}
  close(): void {}
  transaction(): EventTarget {
    return this.tx;
  }
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function setUp() {
  vi.useFakeTimers();
  const requests: SilentRequest[] = [];
  const open = () => {
    const request = new SilentRequest();
    requests.push(request);
    return request;
  };
  vi.stubGlobal('IDBRequest', SilentRequest);
  for (const name of ['Database', 'ObjectStore', 'Index', 'Cursor', 'Transaction'])
    vi.stubGlobal(`IDB${name}`, Set);
  vi.stubGlobal('indexedDB', { open });
  return requests;
}

describe('a transaction in which a write has failed', () => {
  it('has failed although the browser completes it', async () => {
    const [requests, database] = [setUp(), new OpenDatabase()];
    const writing = createIdbStorage('test').transact(['fresh'], () => undefined);
    Object.assign(requests[0] ?? {}, { result: database });
    requests[0]?.dispatchEvent(new Event('success'));
    await vi.advanceTimersByTimeAsync(0);
    database.tx.dispatchEvent(new Event('error'));
    database.tx.dispatchEvent(new Event('complete'));
    await expect(writing).rejects.toMatchObject({ type: 'error' });
  });

  it('is done when it completes without a failure', async () => {
    const [requests, database] = [setUp(), new OpenDatabase()];
    const writing = createIdbStorage('test').transact(['fresh'], () => 'written');
    Object.assign(requests[0] ?? {}, { result: database });
    requests[0]?.dispatchEvent(new Event('success'));
    await vi.advanceTimersByTimeAsync(0);
    database.tx.dispatchEvent(new Event('complete'));
    expect(await writing).toBe('written');
  });
});

describe('storage whose database never opens', () => {
  it('gives up a transaction in time, tries to open again, and closes what opens too late', async () => {
    const requests = setUp();
    const storage = createIdbStorage('test');
    const outcomes: string[] = [];
    const begin = () =>
      storage.transact(['fresh'], () => undefined).catch((error: unknown) => outcomes.push(String(error)));
    void begin();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(outcomes).toEqual(['Error: no answer']);
    void begin();
    expect(requests).toHaveLength(2);
    requests[0]?.dispatchEvent(new Event('success'));
    await vi.advanceTimersByTimeAsync(0);
    expect(requests[0]?.close).toHaveBeenCalledOnce();
  });

  it('is opened again after one failure: what goes to memory is lost with the page', async () => {
    const requests = setUp();
    const whole = indexedDB;
    let isFirst = true;
    vi.stubGlobal('indexedDB', {
      open(name: string) {
        if (!isFirst) return whole.open(name);
        isFirst = false;
        throw new Error('lost');
      },
    });
    const opening = openStorage('test', ENDPOINT, () => Promise.resolve(createMemoryStorage()));
    await vi.advanceTimersByTimeAsync(600);
    expect(requests).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await opening).storage.kind).toBe('memory');
  });

  it('is replaced by memory', async () => {
    setUp();
    const opening = openStorage('test', ENDPOINT, () => Promise.resolve(createMemoryStorage()));
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await opening).storage.kind).toBe('memory');
  });
});
