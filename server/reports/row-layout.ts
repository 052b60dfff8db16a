import type { ExtraColumn } from '../../shared/report.ts';
import type { ProductColumns } from '../catalog/catalog.ts';
import type { StoredRow } from '../store/event-store.ts';

const FIXED = ['timestamp', 'type'];

/**
 * Which column each value of a row goes to.
 *
 * A context value goes to the column that the catalog names for its type and position. Values that
 * it names no column for go to `context1`, `context2`, … by their position, behind the others. What was asked
 * for besides comes last.
 */
export class RowLayout {
  readonly header: readonly string[];
  /** How many columns `context1`, `context2`, … there are. */
  readonly extra: number;
  /** The first of those. */
  readonly firstExtra: number;
  /** Columns behind all others. */
  readonly beside: readonly ExtraColumn[];
  readonly #places: ReadonlyMap<string, readonly number[]>;

  constructor({ columns, keys }: ProductColumns, extra: number, beside: readonly ExtraColumn[] = []) {
    const extraNames = Array.from({ length: extra }, (_, index) => `context${index + 1}`);
    this.header = [...FIXED, ...columns, ...extraNames, ...beside];
    this.extra = extra;
    this.firstExtra = FIXED.length + columns.length;
    this.beside = beside;
    const placeOf = new Map(columns.map((column, index) => [column, FIXED.length + index]));
    this.#places = new Map(
      Object.entries(keys).map(([type, names]) => [type, names.map((name) => placeOf.get(name) ?? 0)]),
    );
  }

  /** Columns of a type's context, by position, as far as the catalog names them. */
  placesOf(type: string): readonly number[] {
    return this.#places.get(type) ?? [];
  }

  /** How many columns `context1`, … a row takes to have a place for each of its values. */
  neededExtra(type: string, items: number): number {
    return items > this.placesOf(type).length ? items : 0;
  }

  /** The fields of a row; values without a place are left out. */
  fields(stored: StoredRow): readonly (string | null)[] {
    const [timestamp, type, context] = stored;
    const fields = this.header.map((): string | null => null);
    fields[0] = String(timestamp);
    fields[1] = type;
    const places = this.placesOf(type);
    for (const [position, value] of context.entries()) {
      const place = places[position];
      if (place !== undefined) fields[place] = value;
      else if (position < this.extra) fields[this.firstExtra + position] = value;
    }
    const first = this.firstExtra + this.extra;
    for (const [index, column] of this.beside.entries()) fields[first + index] = besideOf(stored, column);
    return fields;
  }
}

function besideOf(
  [, , , batch, sequence, , received, skew, version = null]: StoredRow,
  column: ExtraColumn,
): string | null {
  switch (column) {
    case 'version':
      return version;
    case 'received':
      return String(received);
    case 'skew':
      return skew === null ? null : String(skew);
    case 'batch':
      return batch;
    case 'sequence':
      return String(sequence);
  }
}
