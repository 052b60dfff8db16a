import { EMPTY_LEDGER, type Ledger, LEDGER_KEYS } from '../../shared/batch.ts';
import type { EndpointState } from './records.ts';
import { CLOCK_SLACK_MS, hasPassed, MAX_WAIT_MS } from './queue-limits.ts';
import type { Transaction } from './storage.ts';

/** The endpoint's state as this transaction sees it, or that of one never heard of. */
export async function readState(tx: Transaction, endpoint: string): Promise<EndpointState> {
  const [state] = await tx.all('endpoints', { from: [endpoint], to: [endpoint] });
  return (
    state ?? {
      endpoint,
      notBefore: 0,
      heldAt: 0,
      silent: false,
      failures: 0,
      ackedAt: 0,
      answer: null,
      total: EMPTY_LEDGER,
      unsent: EMPTY_LEDGER,
    }
  );
}

/** Until when nothing may be sent; 0 if anything may. */
export function heldUntil({ heldAt, notBefore }: EndpointState, nowMs: number): number {
  // Set in the future: the clock was set back since, and how much of the wait is left can't be told.
  const isStale = heldAt > nowMs + CLOCK_SLACK_MS;
  return isStale || hasPassed(notBefore, nowMs, MAX_WAIT_MS) ? 0 : notBefore;
}

/** The state with more events counted as lost. */
export function countLosses(state: EndpointState, losses: Partial<Ledger>): EndpointState {
  return {
    ...state,
    total: addLedgers(state.total, losses),
    unsent: addLedgers(state.unsent, losses),
  };
}

export function addLedgers(left: Ledger, right: Partial<Ledger>): Ledger {
  const sum = { ...left };
  for (const key of LEDGER_KEYS) sum[key] += right[key] ?? 0;
  return sum;
}
