import type { Collector, StoredOutcome } from '../../../client/page/api.ts';
import type { Outcome, TrackCommand } from '../protocol.ts';
import { pause } from './pause.ts';
import type { Reporter } from './reporter.ts';

/** A type that the bundled catalog has, so that the real server can report on it. */
const TYPE = 'PORTFOLIO-TRANSACTION-CREATED';

/** Tracks events and returns when it is known of each what became of `stored`, all of which is reported. */
export async function track(
  collector: Collector,
  { prefix, count, perTask = count, everyMs = 0, padding = 0, receipts = false }: TrackCommand,
  reporter: Reporter,
): Promise<void> {
  const outcomes: Promise<void>[] = [];
  for (let index = 0; index < count; index++) {
    const name = `${prefix}${index}`;
    const { stored, delivered } = collector.track(TYPE, padding > 0 ? [name, randomText(padding)] : [name]);
    outcomes.push(stored.then((outcome) => reporter.outcome(name, outcomeOf(outcome))));
    if (receipts) {
      void delivered.then((end) => {
        if (end.status === 'delivered') reporter.claim({ name, batch: end.batch, sequence: end.sequence });
      });
    }
    if ((index + 1) % perTask === 0 && index + 1 < count) await pause(everyMs);
  }
  await Promise.all(outcomes);
}

/** Databases compress what repeats. */
function randomText(length: number): string {
  const numbers = crypto.getRandomValues(new Uint8Array(length));
  return String.fromCharCode(...numbers.map((number) => 33 + (number % 90)));
}

function outcomeOf(outcome: StoredOutcome): Outcome {
  if (outcome.status !== 'stored') return outcome.status;
  return outcome.storage === 'memory' ? 'memory' : 'stored';
}
