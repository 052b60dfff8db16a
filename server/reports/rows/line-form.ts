import type { StoredRow } from '../../store/event-store.ts';

/** How a report has rows. */
export interface LineForm {
  /** What comes before all rows. */
  readonly head: string;

  /** Writes a row that has been parsed: right for any. */
  write(row: StoredRow): string;

  /** How many columns `context1`, … a row takes. */
  neededExtra(row: StoredRow): number;

  /**
   * Writes rows as they are stored, until one comes that it can't; undefined if it can't write any.
   *
   * @returns Why it stopped: one of `KERNEL_STATE`.
   */
  readonly encode: ((start: number, end: number, to: number, toEnd: number) => number) | undefined;

  /**
   * Makes known where the values of a type go that the kernel asks for.
   *
   * @returns Whether the kernel can go on with the row.
   */
  addType(start: number, end: number): boolean;
}
