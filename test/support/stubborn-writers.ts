import { randomInt, randomUUID } from 'node:crypto';
import { isRecord } from '../../shared/text.ts';
import { anEvent } from './events.ts';
import { postJson } from './report-client.ts';

export interface StubbornWriters {
  /** The names of all events whose batch was acknowledged; an event's name is its second context value. */
  readonly acknowledged: readonly string[];
  /** Resolves once every writer has had at least one more batch acknowledged. */
  round(): Promise<void>;
  /** Ends after the batches under way are acknowledged, too. */
  stop(): Promise<void>;
}

/**
 * Writers that post one batch after the other, each as often as it takes until it is acknowledged.
 *
 * @param padding - Events that every batch has besides, without a name.
 */
export function startWriters(
  url: string,
  count: number,
  padding: (writer: number) => readonly unknown[] = () => [],
): StubbornWriters {
  const acknowledged: string[] = [];
  const batches = Array.from({ length: count }, () => 0);
  let isOver = false;

  async function deliver(names: readonly string[], others: readonly unknown[]): Promise<void> {
    const batch = randomUUID();
    const events = [...names.map((name) => anEvent({ context: ['user', name] })), ...others];
    const body = JSON.stringify({ batch, events, prefer: 'return=minimal' });
    for (;;) {
      const receipt: unknown = await postJson(`${url}/events`, body).then(
        (response) => response.json(),
        () => undefined,
      );
      if (isRecord(receipt) && receipt['batch'] === batch && receipt['stored'] === events.length) break;
      await new Promise((resolve) => setTimeout(resolve, randomInt(1, 20)));
    }
    acknowledged.push(...names);
  }

  async function write(writer: number): Promise<void> {
    for (let number = 0; !isOver; number++) {
      batches[writer] = number;
      const names = Array.from({ length: randomInt(1, 30) }, (_, index) => `${writer}-${number}-${index}`);
      await deliver(names, padding(writer));
    }
  }

  const writers = Promise.all(Array.from({ length: count }, (_, writer) => write(writer)));
  return {
    acknowledged,
    round: async () => {
      const before = [...batches];
      const isBehind = (number: number, writer: number): boolean => number === before[writer];
      while (batches.some(isBehind)) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    stop: async () => {
      isOver = true;
      await writers;
    },
  };
}
