import { MAX_TYPES } from './sealed-writer.ts';
import { TextTable } from './text-table.ts';

/** Counts the rows of each type, as long as there are not too many types. */
export class TypeTally {
  readonly #table = new TextTable();
  readonly #counts = new Float64Array(MAX_TYPES);
  #isFull = false;

  /** @param length - Of the type's text, with its quotes. */
  add(view: DataView, at: number, length: number): void {
    if (this.#isFull) return;
    const type = this.#table.numberOf(view, at, length);
    if (type < MAX_TYPES) this.#counts[type] = (this.#counts[type] ?? 0) + 1;
    else this.#isFull = true;
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
