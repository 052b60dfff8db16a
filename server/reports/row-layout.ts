import type { ProductColumns } from '../catalog/catalog.ts';
import type { StoredEvent } from '../store/event-store.ts';

const FIXED = ['timestamp', 'type'];

/**
 * Which column each value of an event goes to.
 *
 * A context value goes to the column that the catalog names for its type and position. Values that
 * it names no column for go to `context1`, `context2`, … by their position, behind the others.
 */
export class RowLayout {
  readonly header: readonly string[];
  readonly #places: ReadonlyMap<string, readonly number[]>;
  readonly #firstExtra: number;
  #neededExtra = 0;

  /** @param extra - How many columns `context1`, `context2`, … there are. */
  constructor({ columns, keys }: ProductColumns, extra: number) {
    const extraNames = Array.from({ length: extra }, (_, index) => `context${index + 1}`);
    this.header = [...FIXED, ...columns, ...extraNames];
    this.#firstExtra = FIXED.length + columns.length;
    const placeOf = new Map(columns.map((column, index) => [column, FIXED.length + index]));
    this.#places = new Map(
      Object.entries(keys).map(([type, names]) => [type, names.map((name) => placeOf.get(name) ?? 0)]),
    );
  }

  /** How many extra columns the rows so far would have filled, had there been enough. */
  get neededExtra(): number {
    return this.#neededExtra;
  }

  row({
    timestamp,
    type,
    context,
  }: Pick<StoredEvent, 'timestamp' | 'type' | 'context'>): readonly (string | null)[] {
    const row = this.header.map((): string | null => null);
    row[0] = String(timestamp);
    row[1] = type;
    const places = this.#places.get(type);
    for (const [position, value] of context.entries()) {
      const place = places?.[position];
      if (place !== undefined) row[place] = value;
      else {
        this.#neededExtra = Math.max(this.#neededExtra, position + 1);
        const extra = this.#firstExtra + position;
        if (extra < row.length) row[extra] = value;
      }
    }
    return row;
  }
}
