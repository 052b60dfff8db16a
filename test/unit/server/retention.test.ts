import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ClockMemory } from '../../../server/clock-memory.ts';
import { expiryOf } from '../../../server/expiry.ts';
import { startRetention, type Retention } from '../../../server/retention.ts';
import { SegmentEventStore } from '../../../server/store/segments/segment-event-store.ts';
import { aBatch } from '../../support/events.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
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

async function aClock(): Promise<string> {
  return path.join(await tempFolder(), 'clock.json');
}

/** Retention of 30 days as a server begins it. */
async function begin(
  store: SegmentEventStore,
  now: () => number,
  file?: string,
): Promise<Retention & { readonly clock: ClockMemory }> {
  const clock = await ClockMemory.open(file ?? (await aClock()), SILENT);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  return { ...startRetention(store, { days: 30, now, clock, logger: SILENT }), clock };
}

/** Lets a server run for so many hours, and ends it. */
async function runFor(hours: number, retention: Retention): Promise<void> {
  vi.advanceTimersByTime(hours * HOUR);
  await retention.close();
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
    let now = NOW;
    const retention = await begin(store, () => now);
    await vi.waitFor(() => expect(store.expiredBefore()).toBe(19_970 * DAY));

    now += DAY;
    await runFor(1, retention);
    expect(store.expiredBefore()).toBe(19_971 * DAY);
  });

  it('believes a clock that is far ahead only after a day', async () => {
    const store = await storeFrom(NOW - 61 * DAY);
    const file = await aClock();
    await runFor(23, await begin(store, () => NOW, file));
    expect(store.expiredBefore()).toBe(0);

    // The day need not be one without a restart, and a start is no hour.
    for (let start = 0; start < 3; start++) await runFor(0, await begin(store, () => NOW, file));
    expect(store.expiredBefore()).toBe(0);
    await runFor(1, await begin(store, () => NOW, file));
    expect(store.expiredBefore()).toBe(19_970 * DAY);
  });

  it('doubts a clock that jumps while it runs, also when batches come by it and after a restart', async () => {
    const store = await storeFrom(NOW);
    const file = await aClock();
    let now = NOW;
    const retention = await begin(store, () => now, file);
    await vi.waitFor(() => expect(store.expiredBefore()).toBe(19_970 * DAY));

    now += 90 * DAY;
    const { identity, contents } = aBatch(undefined, { contents: { received: now } });
    await store.append(identity, () => contents);
    await runFor(2, retention);
    expect(store.newestMs()).toBe(now);
    await runFor(2, await begin(store, () => now, file));
    expect(store.expiredBefore()).toBe(19_970 * DAY);

    now -= 89 * DAY;
    await runFor(0, await begin(store, () => now, file));
    expect(store.expiredBefore()).toBe(19_971 * DAY);
  });

  it('refuses no event by a clock that it doubts', async () => {
    const store = await storeFrom(NOW);
    const retention = await begin(store, () => NOW);
    await vi.waitFor(() => expect(store.expiredBefore()).toBe(19_970 * DAY));
    expect(retention.expiryAt(NOW + DAY)).toBe(19_971 * DAY);
    expect(retention.expiryAt(NOW + 61 * DAY)).toBe(0);

    await runFor(0, retention);
  });

  it('lets nothing expire by the clock of a start at which nothing is stored', async () => {
    const store = await SegmentEventStore.open(await tempFolder(), 0);
    onTestFinished(() => store.close());
    let now = NOW + 3_650 * DAY;
    const retention = await begin(store, () => now);
    now = NOW;
    await runFor(1, retention);

    expect(store.expiredBefore()).toBe(0);
  });

  it('doubts no clock that it has seen going on, however long nobody sends anything', async () => {
    const store = await storeFrom(NOW);
    const file = await aClock();
    for (let day = 0; day <= 90; day++) await runFor(0, await begin(store, () => NOW + day * DAY, file));

    expect(store.expiredBefore()).toBe(20_060 * DAY);
  });

  it('remembers nothing of a clock that begins far behind, as one without a battery does', async () => {
    const store = await storeFrom(NOW);
    const file = await aClock();
    await runFor(0, await begin(store, () => NOW, file));
    for (let day = 1; day <= 3; day++) {
      await runFor(1, await begin(store, () => HOUR, file));
      await runFor(0, await begin(store, () => NOW + day * DAY, file));
    }

    expect(store.expiredBefore()).toBe(19_973 * DAY);
  });

  it('believes a clock that is far behind after a day, too: the one before was wrong', async () => {
    const store = await storeFrom(NOW);
    const file = await aClock();
    await runFor(0, await begin(store, () => NOW, file));
    await runFor(24, await begin(store, () => NOW - 61 * DAY, file));

    expect((await ClockMemory.open(file, SILENT)).state.believedMs).toBe(NOW - 61 * DAY);
  });

  it.each(['{', '{"believedMs":"yesterday","doubtHours":0}', '{"believedMs":1,"doubtHours":-1}'])(
    'forgets what it knew of the clock where that can not be read: %s',
    async (text) => {
      const store = await storeFrom(NOW);
      const file = await aClock();
      await writeFile(file, text);
      const retention = await begin(store, () => NOW, file);
      await runFor(0, retention);

      expect(store.expiredBefore()).toBe(19_970 * DAY);
      expect((await ClockMemory.open(file, SILENT)).state).toEqual({ believedMs: NOW, doubtHours: 0 });
    },
  );

  it('goes on where nothing can be known of the clock, nor kept', async () => {
    const store = await storeFrom(NOW);
    const file = await aClock();
    await mkdir(path.join(file, 'in the way'), { recursive: true });
    await runFor(1, await begin(store, () => NOW, file));

    expect(store.expiredBefore()).toBe(19_970 * DAY);
  });
});
