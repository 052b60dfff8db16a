import type { ReportFilter, ReportOutput } from '../../../shared/report.ts';
import type { ProductColumns } from '../../catalog/catalog.ts';
import { viewOf, WORD_SLACK_BYTES } from '../../words.ts';
import { RowLayout } from '../row-layout.ts';
import { CsvEncoder } from './csv-encoder.ts';
import { NdjsonEncoder } from './ndjson-encoder.ts';
import type { RowEncoder } from './row-encoder.ts';

/** What rows are to become; plain JSON, for another thread. */
export interface RowForm {
  readonly filter: ReportFilter;
  readonly output: ReportOutput;
  readonly columns: ProductColumns;
}

/** Where what has become of rows goes. */
export interface ByteTarget {
  /** To be written to from `length` on, as far as there was room made; another one after that. */
  readonly view: DataView;
  /** How many bytes are in it; moved on by whoever wrote. */
  length: number;
  /** Makes room for so many bytes behind `length`. */
  reserve(bytes: number): void;
  append(text: string): void;
}

/** Turns rows (`RowSink`) into what a report has of them. */
export class RowEncoding {
  readonly #encoder: RowEncoder;
  readonly #target: ByteTarget;
  readonly #extra: number;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #viewed: Buffer = Buffer.alloc(0);
  #scratch = Buffer.alloc(0);
  /** Rows so far. */
  rows = 0;

  /** @param extra - How many columns `context1`, … a table has. */
  constructor(form: RowForm, extra: number, target: ByteTarget) {
    this.#encoder = encoderOf(form, extra);
    this.#extra = extra;
    this.#target = target;
  }

  /** What comes before all rows. */
  get head(): string {
    return this.#encoder.head;
  }

  /** How many columns `context1`, … the rows so far take; from where those are more than there are nothing is written. */
  get neededExtra(): number {
    return this.#encoder.neededExtra;
  }

  /** @param bytes - Whole lines from `start` to `end`. */
  encode(bytes: Buffer, start: number, end: number): void {
    const view = this.#viewOf(bytes, start, end);
    const from = view === this.#view ? start : 0;
    const to = from + end - start;
    const encoder = this.#encoder;
    const target = this.#target;
    for (let at = from; at < to; at = encoder.lineEnd + 1) {
      encoder.scan(view, at, to);
      target.reserve(encoder.maxBytes(encoder.lineEnd - at));
      const written = encoder.encode(view, target.view, target.length);
      const plain = written < 0 ? encoder.encodePlain(textOf(view, at, encoder.lineEnd)) : '';
      this.rows++;
      if (encoder.neededExtra > this.#extra) continue;
      if (written >= 0) target.length = written;
      else target.append(plain);
    }
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

/** How many columns `context1`, … some rows take. */
export function extraOf(form: RowForm, bytes: Buffer, start: number, end: number): number {
  const encoding = new RowEncoding(form, 0, new NoTarget());
  encoding.encode(bytes, start, end);
  return encoding.neededExtra;
}

/** Forgets what it gets. */
class NoTarget implements ByteTarget {
  view: DataView = new DataView(new ArrayBuffer(0));
  length = 0;

  reserve(bytes: number): void {
    this.length = 0;
    if (this.view.byteLength < bytes) this.view = new DataView(new ArrayBuffer(2 * bytes));
  }

  append(): void {
    this.length = 0;
  }
}

function encoderOf({ filter, output, columns }: RowForm, extra: number): RowEncoder {
  return output.format === 'ndjson'
    ? new NdjsonEncoder(filter, output)
    : new CsvEncoder(new RowLayout(columns, extra, output.columns), output);
}

function textOf(view: DataView, start: number, end: number): string {
  return Buffer.from(view.buffer, view.byteOffset + start, end - start).toString();
}
