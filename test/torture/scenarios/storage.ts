import type { Lab } from '../lab.ts';
import type { LabPage } from '../page.ts';
import type { Scenario } from '../scenario.ts';
import { BOTH, PAGE_ONLY, WORKER_ONLY } from './both.ts';

const QUOTA_BYTES = 3_000_000;

/** More than the browser's own logs take. */
const SMALL_BURSTS_QUOTA_BYTES = 12_000_000;

/** Events of a task, of 1,000 bytes each: far below what browsers store outside their logs. */
const SMALL_BURST = 10;

const FIREFOX_QUOTA =
  'a known limit: while a database of Firefox is at its quota, not even a lease can be written, and nothing is sent; quota-lifted judges what comes later';

/** Events before and after something that takes the queue away: what was in it is outside the guarantee. */
async function lose(lab: Lab, how: () => Promise<unknown>): Promise<void> {
  const page = await lab.open();
  await page.track('online-', 10);
  await lab.untilArrived();
  await lab.collector.stop();
  await page.track('gone-', 100, { perTask: 10 });
  lab.excuseAll();
  await how();
  await page.track('after-', 100, { perTask: 10 });
  await lab.collector.start();
  await lab.untilArrived();
}

/** Tracks events of 1,000 bytes while the collector is away, until they find no room any more, and then brings it back. */
async function overfill(
  lab: Lab,
  count: number,
  pace: { readonly perTask: number; readonly everyMs?: number },
): Promise<void> {
  const page = await lab.open();
  await lab.collector.stop();
  const tracked = page.track('full-', count, { ...pace, padding: 1_000 });
  await lab.until('an event to be dropped', () =>
    [...lab.site.control.outcomes.values()].includes('dropped'),
  );
  await lab.collector.start();
  await tracked;
}

/** Has the collector take a few events, so that a later send without an answer shows in the status. */
async function deliverSome(lab: Lab, page: LabPage): Promise<void> {
  await page.track('online-', 10);
  await lab.untilArrived();
  await lab.until('the queue to be empty', async () => (await page.status()).events === 0);
}

async function untilSendFailed(lab: Lab, page: LabPage): Promise<void> {
  await lab.until('a send to fail', async () => {
    const { lastStatus, storage } = await page.status();
    return storage === 'indexeddb' && lastStatus === null;
  });
  // What follows from it takes no longer.
  await lab.sleep(1_000);
}

/** A kill in the middle of a write to the database, and the next start. */
async function tear(lab: Lab): Promise<void> {
  await lab.kill();
  await lab.tearDatabases();
  await lab.launch();
}

/** A kill that tears a write while events wait, and another one as soon as the next page has stored some. */
async function killTwice(lab: Lab): Promise<void> {
  const { collector } = lab;
  const page = await lab.open();
  await collector.stop();
  await page.track('before-', 100, { perTask: 10 });
  // Longer than a page takes that hands over to the next one.
  await lab.sleep(1_500);
  collector.reply = () => ({ afterMs: 10_000 });
  await collector.start();
  await tear(lab);
  await (await lab.openUnready()).track('after-', 100, { perTask: 10 });
  await lab.kill();
  collector.reply = () => 'receipt';
  await lab.launch();
}

/** What happens to the queue's database. */
export const STORAGE: readonly Scenario[] = [
  {
    name: 'quota',
    title: 'the storage is full: what finds no room is counted, the rest arrives',
    variants: BOTH,
    needs: ['launchWithQuota'],
    except: { firefox: FIREFOX_QUOTA },
    launch: { quotaBytes: QUOTA_BYTES },
    // A page whose write has failed tries again after up to 30 seconds.
    limitMs: 120_000,
    restLimitMs: 80_000,
    // 24 MB: more than the storage and the 16 MiB of memory take.
    run: (lab) => overfill(lab, 24_000, { perTask: 100 }),
  },
  {
    name: 'quota-small',
    title: 'the storage is full of small bursts: what finds no room is counted, the rest arrives',
    variants: BOTH,
    needs: ['launchWithQuota'],
    except: { firefox: FIREFOX_QUOTA },
    launch: { quotaBytes: SMALL_BURSTS_QUOTA_BYTES },
    limitMs: 120_000,
    restLimitMs: 80_000,
    run: (lab) => overfill(lab, 32_000, { perTask: SMALL_BURST, everyMs: 1 }),
  },
  {
    name: 'quota-killed',
    title:
      'the storage is full of small bursts, and SIGKILL comes before the answer to what could not be noted, twice; then there is room',
    variants: BOTH,
    needs: ['launchWithQuota'],
    except: { firefox: FIREFOX_QUOTA },
    launch: { quotaBytes: SMALL_BURSTS_QUOTA_BYTES },
    limitMs: 120_000,
    restLimitMs: 80_000,
    async run(lab) {
      const { collector } = lab;
      const page = await lab.open();
      await collector.stop();
      // Less than storage and memory take.
      lab.startTracking(page, 'full-', 20_000, { perTask: SMALL_BURST, everyMs: 1, padding: 1_000 });
      await lab.until('events that find no room', async () => (await page.status()).unstored > 1_000);
      collector.reply = () => ({ afterMs: 1_500 });
      await collector.start();
      for (const launch of [undefined, {}]) {
        const before = collector.arrivals.length;
        await lab.until('a batch that goes alone', () =>
          collector.arrivals.slice(before).some(({ count }) => count === SMALL_BURST),
        );
        await lab.kill();
        await lab.launch(launch);
        // Ready is a page after its first run, which takes as long as all the answers.
        await lab.openUnready();
      }
      collector.reply = () => 'receipt';
    },
  },
  {
    name: 'quota-lifted',
    title: 'the storage is full, the browser is killed, and started again with more room',
    variants: BOTH,
    fast: PAGE_ONLY,
    needs: ['launchWithQuota'],
    launch: { quotaBytes: QUOTA_BYTES },
    async run(lab) {
      const page = await lab.open();
      await lab.collector.stop();
      // More than the storage takes, and less than the memory beside it.
      lab.startTracking(page, 'full-', 8_000, { perTask: 100, padding: 1_000 });
      await lab.until('events to be stored', () => lab.site.control.outcomes.size > 1_000);
      await lab.until('events that find no room', async () => (await page.status()).unstored > 1_000);
      await lab.collector.start();
      // Long enough for sends that may or may not be noted.
      await lab.sleep(5_000);
      await lab.kill();
      await lab.launch({});
    },
  },
  {
    name: 'storage-cleared',
    title: 'the user clears the storage under an open page: what is tracked afterwards arrives',
    variants: BOTH,
    needs: ['clearStorage'],
    run: (lab) => lose(lab, async () => lab.browser.clearStorage?.(lab.site.origin)),
  },
  {
    name: 'database-deleted',
    title: 'another tab deletes the database: what is tracked afterwards arrives',
    variants: BOTH,
    run: (lab) => lose(lab, async () => (await lab.open()).deleteDatabase()),
  },
  {
    name: 'database-damaged',
    title: 'the database is damaged, and the browser removes it: what is tracked afterwards arrives',
    variants: BOTH,
    needs: ['damageDatabases'],
    async run(lab) {
      const page = await lab.open();
      await page.track('online-', 10);
      await lab.untilArrived();
      await lab.collector.stop();
      await page.track('gone-', 100, { perTask: 10 });
      lab.excuseAll();
      await lab.kill();
      await lab.damageDatabases();
      await lab.launch();
      await lab.collector.start();
      await (await lab.open()).track('after-', 100, { perTask: 10 });
      lab.check(await lab.hasNewDatabase(), 'the browser has kept the damaged database');
    },
  },
  {
    name: 'write-torn',
    title: 'SIGKILL in the middle of a write, and again as soon as the next page has stored something',
    variants: BOTH,
    fast: PAGE_ONLY,
    needs: ['tearDatabases'],
    run: killTwice,
  },
  {
    name: 'write-torn-slow',
    title:
      'SIGKILL in the middle of a write, and again as soon as the next page has stored something, while databases are slow to go',
    variants: BOTH,
    needs: ['tearDatabases'],
    run(lab) {
      lab.site.holdDeletionsMs = 1_000;
      return killTwice(lab);
    },
  },
  {
    name: 'write-torn-empty',
    title: 'SIGKILL in the middle of a write when the queue is empty, and again in a life offline',
    variants: BOTH,
    needs: ['tearDatabases'],
    async run(lab) {
      await deliverSome(lab, await lab.open());
      await lab.collector.stop();
      await tear(lab);
      const later = await lab.open();
      await later.track('after-', 100, { perTask: 10 });
      await untilSendFailed(lab, later);
      await lab.kill();
      await lab.launch();
      await lab.collector.start();
    },
  },
  {
    name: 'write-torn-sync',
    title:
      'SIGKILL in the middle of a write, and again in a life in which a sync wakes the worker and no page comes',
    variants: WORKER_ONLY,
    needs: ['backgroundSync', 'tearDatabases'],
    async run(lab) {
      const { collector } = lab;
      const page = await lab.open();
      await deliverSome(lab, page);
      await collector.stop();
      await page.track('before-', 100, { perTask: 10 });
      await untilSendFailed(lab, page);
      collector.reply = () => ({ status: 503 });
      await collector.start();
      const count = collector.arrivals.length;
      await tear(lab);
      await lab.until('the worker to be woken', () => collector.arrivals.length > count);
      // What follows from the answer takes no longer.
      await lab.sleep(1_000);
      await lab.kill();
      collector.reply = () => 'receipt';
      await lab.launch();
    },
  },
  {
    name: 'connection-closed',
    title: 'the browser closes the database connections of page and worker, four times while a page tracks',
    variants: BOTH,
    fast: PAGE_ONLY,
    async run(lab) {
      const page = await lab.open();
      const tracked = page.track('broken-', 400, { perTask: 4, everyMs: 20, receipts: true });
      for (let round = 0; round < 4; round++) {
        await lab.sleep(500);
        lab.check((await page.breakConnections()) > 0, 'there was no connection to close');
      }
      await tracked;
    },
  },
  {
    name: 'schema-raised',
    title: 'another tab upgrades the database to a higher version while a page tracks',
    variants: BOTH,
    async run(lab) {
      const [page, other] = [await lab.open(), await lab.open()];
      const tracked = page.track('raised-', 400, { perTask: 4, everyMs: 20, receipts: true });
      await lab.sleep(500);
      await other.raiseSchema();
      await tracked;
      lab.collector.reply = () => ({ afterMs: 300 });
      await page.track('later-', 100, { perTask: 10 });
    },
  },
];
