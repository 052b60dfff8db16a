import { pino } from 'pino';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { expiryOf } from '../../../server/expiry.ts';
import { startRetention } from '../../../server/retention.ts';
import { SegmentEventStore } from '../../../server/store/segments/segment-event-store.ts';
import { aBatch } from '../../support/events.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const DAY = 86_400_000;
const NOW = 20_000 * DAY + 5;
const SILENT = pino({ level: 'silent' });

afterEach(() => {
  vi.useRealTimers();
});

async function storeFrom(receivedMs: number): Promise<SegmentEventStore> {
  const store = await SegmentEventStore.open(await tempFolder(), 0);
  onTestFinished(() => store.close());
  const { identity, contents } = aBatch(undefined, { contents: { received: receivedMs } });
  await store.append(identity, () => contents);
  return store;
}

describe('expiryOf', () => {
  it('is the start of the UTC day so many days ago, and nothing without a number of days', () => {
    expect(expiryOf(NOW, 30)).toBe(19_970 * DAY);
    expect(expiryOf(NOW, undefined)).toBe(0);
    expect(expiryOf(5 * DAY, 30)).toBe(0);
  });
});

describe('startRetention', () => {
  it('lets events expire at once and every hour', async () => {
    const store = await storeFrom(NOW - 59 * DAY);
    vi.useFakeTimers({ toFake: ['setInterval'] });
    let now = NOW;
    const retention = startRetention(store, 30, () => now, SILENT);
    await vi.waitFor(() => expect(store.expiredBefore()).toBe(19_970 * DAY));

    now += DAY;
    vi.advanceTimersByTime(3_600_000);
    await vi.waitFor(() => expect(store.expiredBefore()).toBe(19_971 * DAY));
    retention.close();
  });

  it('believes a clock that is far ahead only after a day', async () => {
    const store = await storeFrom(NOW - 61 * DAY);
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const retention = startRetention(store, 30, () => NOW, SILENT);
    vi.advanceTimersByTime(23 * 3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(store.expiredBefore()).toBe(0);

    vi.advanceTimersByTime(3_600_000);
    await vi.waitFor(() => expect(store.expiredBefore()).toBe(19_970 * DAY));
    retention.close();
  });

  it('doubts a clock that jumps while it runs, also when batches come by it', async () => {
    const store = await storeFrom(NOW);
    vi.useFakeTimers({ toFake: ['setInterval'] });
    let now = NOW;
    const retention = startRetention(store, 30, () => now, SILENT);
    await vi.waitFor(() => expect(store.expiredBefore()).toBe(19_970 * DAY));

    now += 90 * DAY;
    const { identity, contents } = aBatch(undefined, { contents: { received: now } });
    await store.append(identity, () => contents);
    vi.advanceTimersByTime(2 * 3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 20));

    expect(store.expiredBefore()).toBe(19_970 * DAY);
    retention.close();
  });
});
