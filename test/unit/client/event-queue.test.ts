import { describe, it } from 'vitest';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import { EVENT_QUEUE_CONTRACT, runContractCase } from '../../contract/event-queue.contract.ts';

describe('queue in memory', () => {
  it.each(EVENT_QUEUE_CONTRACT)('$name', async ({ name }) => {
    await runContractCase(name, createMemoryStorage());
  });
});
