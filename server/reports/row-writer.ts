import type { ReportFilter, ReportOutput } from '../../shared/report.ts';
import type { ProductColumns } from '../catalog/catalog.ts';
import type { RowSink } from '../store/event-store.ts';
import { viewOf, WORD_SLACK_BYTES } from '../store/segments/sealed/words.ts';
import type { BufferedOutput } from './output/buffered-output.ts';
import { RowLayout } from './row-layout.ts';
import { CsvEncoder } from './rows/csv-encoder.ts';
import { NdjsonEncoder } from './rows/ndjson-encoder.ts';
import type { RowEncoder } from './rows/row-encoder.ts';

/** Writes rows in the form that was asked for. */
export class RowWriter implements RowSink {
  readonly #makeEncoder: (extra: number) => RowEncoder;
  readonly #output: BufferedOutput;
  #encoder: RowEncoder;
  #hasBegun: boolean;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #viewed: Buffer = Buffer.alloc(0);
  #scratch = Buffer.alloc(0);
  #extra: number;
  /** Rows so far. */
  rows = 0;

  /**
   * @param extra - How many columns `context1`, … there are to be, of a table; undefined to have the first rows tell.
   *   If other rows have more values, `neededExtra` says so in the end, and what was written is of no use.
   */
  constructor(
    filter: ReportFilter,
    output: ReportOutput,
    columns: ProductColumns,
    extra: number | undefined,
    to: BufferedOutput,
  ) {
    this.#makeEncoder = (count) =>
      output.format === 'ndjson'
        ? new NdjsonEncoder(filter, output)
        : new CsvEncoder(new RowLayout(columns, count, output.columns), output);
    this.#output = to;
    this.#extra = extra ?? 0;
    this.#encoder = this.#makeEncoder(this.#extra);
    this.#hasBegun = extra !== undefined;
    if (this.#hasBegun) to.append(this.#encoder.head);
  }

  /** How many columns `context1`, … the rows take, if that is more than there are; else undefined. */
  get neededExtra(): number | undefined {
    const { neededExtra } = this.#encoder;
    return neededExtra > this.#extra ? neededExtra : undefined;
  }

  add(bytes: Buffer, start: number, end: number): void {
    const view = this.#viewOf(bytes, start, end);
    const from = view === this.#view ? start : 0;
    const to = from + end - start;
    if (!this.#hasBegun) this.#begin(view, from, to);
    for (let at = from; at < to; at = this.#encoder.lineEnd + 1) {
      this.#write(view, at, to);
      this.rows++;
    }
  }

  drained(): Promise<void> | undefined {
    return this.#output.drained();
  }

  /** Writes what belongs to a report without rows, too. */
  finish(): void {
    if (!this.#hasBegun) this.#output.append(this.#encoder.head);
    this.#hasBegun = true;
  }

  /** Finds out from the first rows how many columns there have to be. */
  #begin(view: DataView, start: number, end: number): void {
    for (let at = start; at < end; at = this.#encoder.lineEnd + 1) this.#encode(view, at, end);
    this.#extra = this.#encoder.neededExtra;
    this.#encoder = this.#makeEncoder(this.#extra);
    this.finish();
  }

  #write(view: DataView, start: number, end: number): void {
    const written = this.#encode(view, start, end);
    if (this.#encoder.neededExtra > this.#extra) return;
    if (typeof written === 'number') this.#output.length = written;
    else this.#output.append(written);
  }

  /** Writes a row behind all others, and says where it ends; or says what is to be written. */
  #encode(view: DataView, start: number, end: number): number | string {
    const encoder = this.#encoder;
    const output = this.#output;
    encoder.scan(view, start, end);
    const { lineEnd } = encoder;
    output.reserve(encoder.maxBytes(lineEnd - start));
    const written = encoder.encode(view, output.view, output.length);
    if (written >= 0) return written;
    const row = Buffer.from(view.buffer, view.byteOffset + start, lineEnd - start);
    return encoder.encodePlain(row.toString());
  }

  /** The bytes as words can be read from them. */
  #viewOf(bytes: Buffer, start: number, end: number): DataView {
    if (bytes !== this.#viewed) {
      this.#viewed = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset);
    }
    if (this.#view.byteLength >= end + WORD_SLACK_BYTES) return this.#view;
    const length = end - start;
    if (this.#scratch.length < length + WORD_SLACK_BYTES)
      this.#scratch = Buffer.allocUnsafeSlow(length + WORD_SLACK_BYTES);
    bytes.copy(this.#scratch, 0, start, end);
    return viewOf(this.#scratch);
  }
}
