import { EMPTY_LEDGER, type Ledger, LEDGER_KEYS, parseLedger } from '../../shared/batch.ts';
import { isRecord } from '../../shared/text.ts';

/** A batch as it was sent. */
export interface SentBody {
  readonly batch: string;
  readonly events: readonly unknown[];
  readonly parents: readonly string[];
  readonly offset: number;
  readonly ledger: Ledger;
}

interface StoredBatch {
  readonly text: string;
  readonly events: readonly unknown[];
  readonly rejected: ReadonlySet<number>;
}

/** What a collector knows of batches: each is stored once under its id, by the rules of the real server. */
export class BatchLog {
  /** Batches that came again with other events: must stay empty. */
  readonly conflicts: string[] = [];
  /** The sums of the losses that newly stored batches reported. */
  ledger: Ledger = EMPTY_LEDGER;
  readonly #batches = new Map<string, StoredBatch>();
  readonly #split = new Set<string>();

  /** All stored events' names; one that was stored twice is there twice. */
  names(): string[] {
    return this.events().map(nameOf);
  }

  /** All stored events, in the order in which they came. */
  events(): unknown[] {
    return [...this.#batches.values()].flatMap(({ events, rejected }) =>
      events.filter((_, place) => !rejected.has(place)),
    );
  }

  /** The same with the places at which they are stored. */
  entries(): { readonly name: string; readonly batch: string; readonly sequence: number }[] {
    return [...this.#batches].flatMap(([batch, { events, rejected }]) =>
      events
        .map((event, sequence) => ({ name: nameOf(event), batch, sequence }))
        .filter(({ sequence }) => !rejected.has(sequence)),
    );
  }

  get size(): number {
    return this.#batches.size;
  }

  /**
   * Stores a batch unless it is known.
   *
   * @param refuses - Which of its events are refused.
   * @returns The places of the refused events; undefined if the batch has been split and must not be stored.
   */
  store(body: SentBody, refuses: (name: string) => boolean): readonly number[] | undefined {
    const { batch, events, parents, offset, ledger } = body;
    if (this.#split.has(batch)) return undefined;
    const text = JSON.stringify(events);
    const known = this.#batches.get(batch);
    if (known) {
      if (known.text !== text) this.conflicts.push(batch);
      return [...known.rejected];
    }
    // A half of what is stored as a whole has the whole's outcome.
    const start = this.#startIn(parents, offset);
    if (start) {
      const part = start.whole.events.slice(start.place, start.place + events.length);
      if (JSON.stringify(part) !== text) this.conflicts.push(batch);
      return [...start.whole.rejected]
        .map((place) => place - start.place)
        .filter((place) => place >= 0 && place < events.length);
    }
    const rejected = new Set(events.flatMap((event, place) => (refuses(nameOf(event)) ? [place] : [])));
    this.#batches.set(batch, { text, events, rejected });
    for (const parent of parents) this.#split.add(parent);
    const sum = { ...this.ledger };
    for (const key of LEDGER_KEYS) sum[key] += ledger[key];
    this.ledger = sum;
    return [...rejected];
  }

  #startIn(parents: readonly string[], offset: number): { whole: StoredBatch; place: number } | undefined {
    const [root] = parents;
    const whole = root === undefined ? undefined : this.#batches.get(root);
    // Deeper ancestors are never stored here while a half of theirs is under way.
    return whole && { whole, place: offset };
  }
}

/** @throws If it is no batch. */
export function parseBody(text: string): SentBody {
  const body: unknown = JSON.parse(text);
  if (!isRecord(body) || !Array.isArray(body['events'])) throw new Error(`not a batch: ${text}`);
  const parents: readonly unknown[] = Array.isArray(body['parents']) ? body['parents'] : [];
  return {
    batch: String(body['batch']),
    events: body['events'],
    parents: parents.map(String),
    offset: Number(body['offset'] ?? 0),
    ledger: parseLedger(body['ledger']) ?? EMPTY_LEDGER,
  };
}

/** An event's first context value: unique in every test. */
export function nameOf(event: unknown): string {
  const context: unknown = isRecord(event) ? event['context'] : undefined;
  return Array.isArray(context) ? String(context[0]) : '';
}
