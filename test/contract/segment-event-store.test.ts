import { onTestFinished } from 'vitest';
import type { EventStore } from '../../server/store/event-store.ts';
import { SegmentEventStore } from '../../server/store/segments/segment-event-store.ts';
import { WRITER_DEFAULTS } from '../../server/store/segments/segment-writer.ts';
import { IN_PROCESS } from '../support/full-store.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { runEventStoreContract, type StoreUnderTest } from './event-store.contract.ts';

type Open = (folder: string) => Promise<EventStore>;

async function create(open: Open): Promise<StoreUnderTest> {
  const folder = await tempFolder();
  let store = await open(folder);
  onTestFinished(() => store.close());
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await open(folder);
      return store;
    },
  };
}

const rolling =
  (segmentBytes: number): Open =>
  (folder) =>
    SegmentEventStore.open(folder, 0, { ...WRITER_DEFAULTS, segmentBytes });

/** Has everything sealed, and merged where there is enough, before an append resolves. */
const sealing: Open = async (folder) => {
  const options = { ...WRITER_DEFAULTS, segmentBytes: 1 };
  const store = await SegmentEventStore.open(folder, 0, options, IN_PROCESS);
  return {
    append: async (identity, compose) => {
      const outcome = await store.append(identity, compose);
      await store.roll();
      await store.compacted();
      return outcome;
    },
    newestMs: () => store.newestMs(),
    keptAside: () => store.keptAside(),
    position: () => store.position(),
    snapshot: (position) => store.snapshot(position),
    release: (snapshot) => store.release(snapshot),
    expiredBefore: () => store.expiredBefore(),
    expire: (beforeMs) => store.expire(beforeMs),
    erase: (request, nowMs) => store.erase(request, nowMs),
    erasures: () => store.erasures(),
    health: () => store.health(),
    totals: () => store.totals(),
    close: () => store.close(),
  };
};

const whole = { comparesHalves: true };
runEventStoreContract('the embedded engine', () => create(rolling(WRITER_DEFAULTS.segmentBytes)), whole);
runEventStoreContract('the embedded engine, rolling after every batch', () => create(rolling(1)), whole);
runEventStoreContract('the embedded engine, all sealed', () => create(sealing), { comparesHalves: false });
