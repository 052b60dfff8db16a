import { csvRow } from '../../../shared/csv-row.ts';
import { EXTRA_COLUMNS, type ReportOutput } from '../../../shared/report.ts';
import type { StoredRow } from '../../store/event-store.ts';
import type { RowLayout } from '../row-layout.ts';
import { KernelTypes } from './kernel-types.ts';
import type { LineForm } from './line-form.ts';
import type { Region, RowKernel } from './row-kernel.ts';

/** Delimiters that are nothing else in a row, so that numbers and names need no quotes. */
const EASY_DELIMITER = /^[ !#$%&()*+,./:;<=>?@[\]^_`{|}~\t]$/;
/** As `kernel/csv.ts` has the columns that come last: a digit each, the lowest one first. */
const BESIDE_BITS = 4;

/** Rows as CSV (RFC 4180): `csvRow` of a layout's fields. */
export class CsvForm implements LineForm {
  readonly head: string;
  readonly encode: LineForm['encode'];
  readonly #layout: RowLayout;
  readonly #output: ReportOutput;
  readonly #types: KernelTypes;

  /** @param space - For the layouts of types. */
  constructor(layout: RowLayout, output: ReportOutput, kernel: RowKernel, space: Region) {
    const { header, firstExtra, extra, beside } = layout;
    this.head = output.header ? csvRow(header, output) : '';
    this.#layout = layout;
    this.#output = output;
    this.#types = new KernelTypes(layout, output, kernel, space);
    const digits = beside.map(
      (column, index) => (EXTRA_COLUMNS.indexOf(column) + 1) << (BESIDE_BITS * index),
    );
    const { exports } = kernel;
    exports.configureCsv(
      output.delimiter.charCodeAt(0) & 0x7f,
      output.guard,
      header.length,
      firstExtra,
      extra,
      digits.reduce((all, digit) => all | digit, 0),
    );
    this.encode = EASY_DELIMITER.test(output.delimiter) ? exports.encodeCsv : undefined;
  }

  write(row: StoredRow): string {
    return csvRow(this.#layout.fields(row), this.#output);
  }

  neededExtra([, type, context]: StoredRow): number {
    return this.#layout.neededExtra(type, context.length);
  }

  addType(start: number, end: number): boolean {
    return this.#types.add(start, end);
  }
}
