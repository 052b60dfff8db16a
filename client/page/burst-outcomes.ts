import type { DeliveredOutcome } from './api.ts';
import type { Outcome, PendingBurst } from './pending-burst.ts';

/**
 * The outcome of the burst's event at this index, when it is known.
 *
 * @param isExpected - Whether anybody will note what becomes of the burst from now on.
 */
export function awaitDelivery(
  burst: PendingBurst,
  index: number,
  isExpected: boolean,
): Promise<DeliveredOutcome> {
  return new Promise((resolve) => {
    const outcome = burst.outcomes.find((item) => holds(item, index));
    if (outcome) resolve(describe(outcome, index));
    else if (isExpected) burst.waiters.push({ index, resolve });
    else resolve({ status: 'unknown' });
  });
}

/** Notes what became of some of the burst's events, and tells whoever waits for them. */
export function settleBurst(burst: PendingBurst, outcome: Outcome): void {
  burst.outcomes.push(outcome);
  for (const waiter of burst.waiters) {
    if (holds(outcome, waiter.index)) waiter.resolve(describe(outcome, waiter.index));
  }
}

function holds(outcome: Outcome, index: number): boolean {
  return index >= outcome.start && index < outcome.start + outcome.count;
}

function describe({ done, sequence, start }: Outcome, index: number): DeliveredOutcome {
  if (!done) return { status: 'discarded', reason: 'privacy' };
  const place = sequence + index - start;
  if (done.outcome === 'dropped') return { status: done.cause ?? 'dropped' };
  const refusal =
    done.outcome === 'rejected' ? done.refusals[0] : done.refusals.find((item) => item.sequence === place);
  if (!refusal) return { status: 'delivered', batch: done.id, sequence: place };
  const { code, path, message } = refusal;
  return { status: 'rejected', code, path, message };
}
