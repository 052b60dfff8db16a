import { onTestFinished } from 'vitest';
import { SegmentEventStore } from '../../server/store/segments/segment-event-store.ts';
import { WRITER_DEFAULTS } from '../../server/store/segments/segment-writer.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { runEventStoreContract, type StoreUnderTest } from './event-store.contract.ts';

async function create(segmentBytes: number): Promise<StoreUnderTest> {
  const folder = await tempFolder();
  const open = () => SegmentEventStore.open(folder, 0, { ...WRITER_DEFAULTS, segmentBytes });
  let store = await open();
  onTestFinished(() => store.close());
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await open();
      return store;
    },
  };
}

runEventStoreContract('the embedded engine', () => create(WRITER_DEFAULTS.segmentBytes));
runEventStoreContract('the embedded engine, rolling after every batch', () => create(1));
