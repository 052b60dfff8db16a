import type { UsageEvent } from '../../../../shared/event.ts';
import { erasureOf, erasureOfRefused, type ErasableEvent, type Erasure } from '../../erasure.ts';
import type { Rejection } from '../../event-store.ts';
import { withTime, type NoteTimes } from '../note-times.ts';
import type { Without } from './compaction-task.ts';
import type { RowFilter } from '../sealed/merge-input.ts';
import { codesOf } from '../sealed/row-codes.ts';
import type { ClusterName, SealedCluster } from '../sealed/sealed-index.ts';
import type { SealedBatchLine, SealedRow } from '../sealed/sealed-row.ts';

/** Keeps what has neither expired nor been erased, and counts what was erased. */
export class KeptRows implements RowFilter {
  readonly #without: Without;
  readonly #erased = new Map<number, number>();
  #notes: NoteTimes | null = null;

  constructor(without: Without) {
    this.#without = without;
    // Each is told of, also if there was nothing for it.
    for (const { number } of without.erasures) this.#erased.set(number, 0);
  }

  /** The number of each erasure, and how many events it was for; one that several are for counts once. */
  get erased(): readonly (readonly [number: number, events: number])[] {
    return [...this.#erased].filter(([, events]) => events > 0);
  }

  /** When the batches came, the first and the last, whose lines were looked at and kept; null if none was. */
  get notes(): NoteTimes | null {
    return this.#notes;
  }

  ofCluster({ customer, from, to }: SealedCluster): 'all' | 'none' | 'some' {
    const { before, erasures } = this.#without;
    if (to < before) return 'none';
    // The mixed cluster may have rows of anybody.
    const isAsked = erasures.some((erasure) => customer === null || erasure.customer === customer);
    return from < before || isAsked ? 'some' : 'all';
  }

  keepsRow(row: SealedRow, cluster: ClusterName): boolean {
    const [timestamp, type, context, , , position] = row;
    if (timestamp < this.#without.before) return false;
    const { customer, product } = codesOf(row, cluster);
    const event = { customer, product, type, timestamp, context };
    return !this.#isCounted(erasureOf(this.#without.erasures, event, position));
  }

  ofBatch(line: SealedBatchLine): SealedBatchLine | undefined {
    if (line.received < this.#without.before) return undefined;
    const { rejected = [], position, received } = line;
    this.#notes = withTime(this.#notes, received);
    const kept = rejected.map((rejection) =>
      this.#isCounted(erasureOfRefused(this.#without.erasures, erasable(rejection), position))
        ? { ...rejection, event: {} }
        : rejection,
    );
    return kept.every((rejection, at) => rejection === rejected[at]) ? line : { ...line, rejected: kept };
  }

  /** Whether there is an erasure, for which one event more is counted then. */
  #isCounted(erasure: Erasure | undefined): boolean {
    if (erasure === undefined) return false;
    this.#erased.set(erasure.number, (this.#erased.get(erasure.number) ?? 0) + 1);
    return true;
  }
}

/** What of a refused event tells whether it is to go, as far as it has its type. */
function erasable({ event }: Rejection): ErasableEvent {
  const { customer, product, type, timestamp, context } = event;
  return {
    customer: textOf(customer),
    product: textOf(product),
    type: textOf(type),
    // Without a time it is as old as can be.
    timestamp: typeof timestamp === 'number' ? timestamp : 0,
    context: itemsOf(context),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function itemsOf(value: unknown): UsageEvent['context'] {
  if (!Array.isArray(value)) return [];
  const items: readonly unknown[] = value;
  // A number was refused for its type, and says as much about its user as the text of it.
  return items.map((item) => (typeof item === 'string' || typeof item === 'number' ? String(item) : null));
}
