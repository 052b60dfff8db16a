import { csvField } from '../../../shared/csv-row.ts';
import type { ReportOutput } from '../../../shared/report.ts';
import type { RowLayout } from '../row-layout.ts';
import { KERNEL_SLACK_BYTES, type Region, type RowKernel } from './row-kernel.ts';

/** Half of the places that the kernel's table has. */
const MAX_TYPES = 4_096;
/** Words of a layout before its steps (`kernel/types.ts`). */
const HEAD_WORDS = 5;
const WORD_BYTES = 4;

/** Puts the layouts of types into the kernel's memory: anybody may send any types, so it forgets them if they fill it. */
export class KernelTypes {
  readonly #layout: RowLayout;
  readonly #output: ReportOutput;
  readonly #kernel: RowKernel;
  readonly #space: Region;
  #end: number;
  #count = 0;

  constructor(layout: RowLayout, output: ReportOutput, kernel: RowKernel, space: Region) {
    this.#layout = layout;
    this.#output = output;
    this.#kernel = kernel;
    this.#space = space;
    this.#end = space.start;
    kernel.exports.clearTypes();
  }

  /**
   * Makes a type known.
   *
   * @param start - Where its JSON text begins, without quotes or anything that is escaped.
   * @returns Whether there is room for it.
   */
  add(start: number, end: number): boolean {
    const { bytes, exports } = this.#kernel;
    const text = Buffer.from(bytes.subarray(start, end));
    const type = text.toString();
    const field = Buffer.from(csvField(type, this.#output));
    // By their columns, as they are written.
    const steps = [...this.#layout.placesOf(type).entries()].toSorted(([, a], [, b]) => a - b);
    const words = HEAD_WORDS + 2 * steps.length;
    const needed = WORD_BYTES * words + text.length + field.length + 2 * KERNEL_SLACK_BYTES;
    const { start: first, end: last } = this.#space;
    if (needed > last - first) return false;
    if (this.#count === MAX_TYPES || this.#end + needed > last) {
      exports.clearTypes();
      this.#count = 0;
      this.#end = first;
    }
    const layoutAt = this.#end;
    const textAt = layoutAt + WORD_BYTES * words;
    const fieldAt = textAt + text.length + KERNEL_SLACK_BYTES;
    text.copy(bytes, textAt);
    field.copy(bytes, fieldAt);
    this.#kernel.putWords(layoutAt, [
      text.length,
      field.length,
      steps.length,
      textAt,
      fieldAt,
      ...steps.flat(),
    ]);
    // Words lie at multiples of their size.
    this.#end = Math.ceil((layoutAt + needed) / WORD_BYTES) * WORD_BYTES;
    this.#count++;
    exports.addType(layoutAt);
    return true;
  }
}
