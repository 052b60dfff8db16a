import { MAX_TYPES } from './sealed-writer.ts';
import { NO_NUMBER, TextTable } from './text-table.ts';

/** Much more than names that people give take; a merge holds them for one cluster after the other. */
const MAX_BYTES = 1_048_576;

/** Counts the rows of each type, as long as there are not too many types. */
export class TypeTally {
  readonly #table = new TextTable({ maxTexts: MAX_TYPES, maxBytes: MAX_BYTES });
  readonly #counts = new Float64Array(MAX_TYPES);
  #isFull = false;

  /** @param length - Of the type's text, with its quotes. */
  add(view: DataView, at: number, length: number): void {
    if (this.#isFull) return;
    const type = this.#table.numberOf(view, at, length);
    if (type === NO_NUMBER) this.#isFull = true;
    else this.#counts[type] = (this.#counts[type] ?? 0) + 1;
  }

  /** Begins again. */
  clear(): void {
    this.#counts.fill(0, 0, this.#table.count);
    this.#table.clear();
    this.#isFull = false;
  }

  /** What was counted; null if there were more types than an index should name. */
  get types(): readonly (readonly [type: string, rows: number])[] | null {
    if (this.#isFull) return null;
    return Array.from({ length: this.#table.count }, (_, type) => [
      String(JSON.parse(this.#table.text(type).toString())),
      this.#counts[type] ?? 0,
    ]);
  }
}
