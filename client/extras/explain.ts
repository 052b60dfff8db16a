import type { Collector, Status, Tracked } from '../page/api.ts';
import { describeChanges } from './describe-changes.ts';
import { describeDelivered, describeRefusal, describeStored } from './describe-outcome.ts';
import { openConsole, say } from './say.ts';
import { traceMethod } from './trace-method.ts';

const CALLS = ['init', 'setContext', 'clearContext', 'flush', 'optOut', 'optIn', 'close'] as const;

const explained = new WeakSet<Collector>();

/**
 * Explains in the console, line by line, what a collector does: how it was set up, what it is called with, what becomes
 * of each event, and how its queue, its storage and its worker fare.
 *
 * The console then holds what the events hold. So this is for development, and nothing but the page itself turns it on.
 *
 * @returns What ends it.
 */
export function explain(collector: Collector): () => void {
  if (explained.has(collector)) return () => undefined;
  explained.add(collector);
  const closeConsole = openConsole();
  let count = 0;
  let last: Status | undefined;

  function tell(status: Status): void {
    const changes = describeChanges(last, status, Date.now());
    last = status;
    if (changes.length > 0) say('log', `status: ${changes.join('; ')}`);
  }

  async function tellFirst(): Promise<void> {
    const status = await collector.status();
    if (!last) tell(status);
  }

  const ends = [
    ...CALLS.map((name) =>
      traceMethod(collector, name, (args) => {
        say('log', `${name}()`, ...args);
        return undefined;
      }),
    ),
    traceMethod(collector, 'track', (args) => {
      const id = `#${++count}`;
      say('log', `${id} track()`, ...args);
      return (tracked) => {
        if (isTracked(tracked)) void follow(id, tracked);
      };
    }),
    collector.on('delivered', (batch) =>
      say('log', `batch ${batch.batch} delivered, events: ${batch.count}`),
    ),
    collector.on('rejected', ({ batch, refusals }) => {
      // Without a batch it was `track()` that refused, which has been said.
      if (batch === null) return;
      for (const refusal of refusals)
        say(
          'warn',
          `batch ${batch}: event ${refusal.sequence} rejected by the server: ${describeRefusal(refusal)}`,
        );
    }),
    collector.on('dropped', (dropped) => say('warn', `dropped, events: ${dropped.count}`)),
    collector.on('status', tell),
  ];

  for (const script of coreScripts()) say('log', `script ${script.src}`, Object.assign({}, script.dataset));
  say('log', 'explaining a collector');
  void tellFirst();

  return () => {
    explained.delete(collector);
    for (const end of ends) end();
    closeConsole();
  };
}

async function follow(id: string, tracked: Tracked): Promise<void> {
  const startMs = performance.now();
  const since = (): string => `${Math.round(performance.now() - startMs)} ms`;
  const stored = await tracked.stored;
  const { level, text } = describeStored(stored);
  say(level, `${id} ${text}, after ${since()}`);
  if (stored.status !== 'stored') return;
  const delivered = describeDelivered(await tracked.delivered);
  say(delivered.level, `${id} ${delivered.text}, after ${since()}`);
}

/** A collector of another build, or another's wrapper, may return anything. */
function isTracked(value: unknown): value is Tracked {
  return typeof value === 'object' && value !== null && 'stored' in value && 'delivered' in value;
}

/** The tags that collectors of a page come from: what their attributes say, no collector tells. */
function coreScripts(): readonly HTMLScriptElement[] {
  return Array.from(document.scripts).filter(({ src }) => /\/waybill(\.[0-9a-f]+)?\.js([?#]|$)/.test(src));
}
