import { EMPTY_LEDGER, LEDGER_KEYS, type Ledger } from '../../../shared/batch.ts';
import type { StoreTotals } from '../event-store.ts';

/** The sums over all stored batches, kept in memory and added up anew at start. */
export class RunningTotals {
  readonly #ledger = { ...EMPTY_LEDGER };
  #rejected = 0;

  get value(): StoreTotals {
    return { ledger: { ...this.#ledger }, rejected: this.#rejected };
  }

  /** Counts a batch that is new. */
  add(ledger: Ledger | null | undefined, rejectedCount: number): void {
    this.#rejected += rejectedCount;
    if (!ledger) return;
    // Anybody may send any count: past this, sums would no longer be exact numbers of JSON.
    for (const key of LEDGER_KEYS)
      this.#ledger[key] = Math.min(Number.MAX_SAFE_INTEGER, this.#ledger[key] + ledger[key]);
  }
}
