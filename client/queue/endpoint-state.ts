import { EMPTY_LEDGER, type Ledger, LEDGER_KEYS } from '../../shared/batch.ts';
import type { EndpointState, Losses, Refusal } from './records.ts';
import { CLOCK_SLACK_MS, hasPassed, MAX_LOSS_REASONS, MAX_WAIT_MS } from './queue-limits.ts';
import type { Transaction } from './storage.ts';

/** The endpoint that is none: its state is what all share. */
export const NOBODY = '';

/** The endpoint's state as this transaction sees it, or that of one never heard of. */
export async function readState(tx: Transaction, endpoint: string): Promise<EndpointState> {
  const [state] = await tx.all('endpoints', { from: [endpoint], to: [endpoint] });
  return state ?? newState(endpoint);
}

/** The state of an endpoint that nothing has happened to. */
export function newState(endpoint: string): EndpointState {
  return {
    endpoint,
    notBefore: 0,
    heldAt: 0,
    silent: false,
    failures: 0,
    ackedAt: 0,
    answer: null,
    total: EMPTY_LEDGER,
    unsent: EMPTY_LEDGER,
  };
}

/** A wait that everything to an endpoint has to keep. */
export type Hold = Pick<EndpointState, 'notBefore' | 'heldAt' | 'silent'>;

/** Longest code of a refusal that becomes part of a reason: it comes from whatever server was configured. */
const MAX_CODE_LENGTH = 64;

/** Until when nothing may be sent; 0 if anything may. */
export function heldUntil({ heldAt, notBefore }: Hold, nowMs: number): number {
  // Set in the future: the clock was set back since, and how much of the wait is left can't be told.
  const isStale = heldAt > nowMs + CLOCK_SLACK_MS;
  return isStale || hasPassed(notBefore, nowMs, MAX_WAIT_MS) ? 0 : notBefore;
}

/** Whether there is such a wait, and no hint that overrides it: one overrides a silence that began before it. */
export function isHeld(
  hold: Hold,
  { nowMs, urgentBeforeMs }: { readonly nowMs: number; readonly urgentBeforeMs: number },
): boolean {
  const isOverridden = hold.silent && hold.heldAt < urgentBeforeMs;
  return !isOverridden && heldUntil(hold, nowMs) > 0;
}

/** The state with more events counted as lost. */
export function countLosses(state: EndpointState, lost: Losses): EndpointState {
  const total = { ...state.total };
  const unsent = { ...state.unsent };
  const losses = { ...state.losses };
  for (const [reason, count] of Object.entries(lost)) {
    if (count === 0) continue;
    for (const key of LEDGER_KEYS) {
      if (!reason.startsWith(key)) continue;
      total[key] += count;
      unsent[key] += count;
    }
    const hasRoom = reason in losses || Object.keys(losses).length < MAX_LOSS_REASONS;
    const name = hasRoom ? reason : 'other';
    losses[name] = (losses[name] ?? 0) + count;
  }
  return { ...state, total, unsent, losses };
}

export function addLedgers(left: Ledger, right: Partial<Ledger>): Ledger {
  const sum = { ...left };
  for (const key of LEDGER_KEYS) sum[key] += right[key] ?? 0;
  return sum;
}

/** Refused events by the reasons that `countLosses` counts; there may be more than one of each. */
export function countRefusals(refusals: readonly Refusal[]): Losses {
  const lost: Record<string, number> = {};
  for (const { code } of refusals) {
    const reason = `rejected:${code.slice(0, MAX_CODE_LENGTH)}`;
    lost[reason] = (lost[reason] ?? 0) + 1;
  }
  return lost;
}
