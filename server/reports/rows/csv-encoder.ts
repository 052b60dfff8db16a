import { csvRow } from '../../../shared/csv-row.ts';
import type { ReportOutput } from '../../../shared/report.ts';
import { copyText, WORD_SLACK_BYTES } from '../../words.ts';
import type { RowLayout } from '../row-layout.ts';
import { CsvText, isGuarded } from './csv-text.ts';
import { parseRow } from './parse-row.ts';
import type { RowEncoder } from './row-encoder.ts';
import { ITEM, RowScanner, UUID_BYTES } from './row-scanner.ts';
import { TypeLayouts } from './type-layouts.ts';

const TYPE_COLUMN = 1;
const NO_STEPS = new Int32Array(0);
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const NEWLINE = 0x0a;
const DASH = 0x2d;
const SLASH = 0x2f;
const NINE = 0x39;
const LETTER_A = 0x61;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
/** Delimiters that are nothing else in a row, so that numbers and names need no quotes. */
const EASY_DELIMITER = /^[ !#$%&()*+,./:;<=>?@[\]^_`{|}~\t]$/;

/** Writes rows as CSV (RFC 4180): the same as `csvRow` of a layout's fields, without parsing them. */
export class CsvEncoder implements RowEncoder {
  readonly head: string;
  readonly #layout: RowLayout;
  readonly #output: ReportOutput;
  readonly #isEasy: boolean;
  readonly #delimiter: number;
  /** Eight of them. */
  readonly #delimiters: number;
  readonly #columns: number;
  readonly #firstExtra: number;
  readonly #extraEnd: number;
  readonly #scanner: RowScanner;
  readonly #types: TypeLayouts;
  readonly #text: CsvText;
  #start = 0;
  #isKnown = false;
  #neededExtra = 0;

  constructor(layout: RowLayout, output: ReportOutput) {
    this.head = output.header ? csvRow(layout.header, output) : '';
    this.#layout = layout;
    this.#output = output;
    this.#isEasy = EASY_DELIMITER.test(output.delimiter);
    this.#delimiter = output.delimiter.charCodeAt(0);
    this.#delimiters = Buffer.alloc(8, this.#delimiter & 0x7f).readDoubleLE();
    this.#columns = layout.header.length;
    this.#firstExtra = layout.firstExtra;
    this.#extraEnd = layout.firstExtra + layout.extra;
    this.#scanner = new RowScanner(this.#delimiter);
    this.#types = new TypeLayouts(layout, output);
    this.#text = new CsvText(this.#delimiter, output.guard);
  }

  get lineEnd(): number {
    return this.#scanner.lineEnd;
  }

  maxBytes(rowBytes: number): number {
    // An escape of two bytes may become two quotes; an item of none gets two of them.
    return 3 * rowBytes + this.#columns + 2 * WORD_SLACK_BYTES;
  }

  get neededExtra(): number {
    return this.#neededExtra;
  }

  scan(view: DataView, start: number, end: number): void {
    const scanner = this.#scanner;
    this.#start = start;
    this.#isKnown = scanner.scan(view, start, end) && this.#isEasy;
    if (this.#isKnown && this.#layout.beside.length > 0) {
      this.#isKnown = scanner.scanTail(view) && isUuid(view, scanner.batchStart);
    }
  }

  encodePlain(row: string): string {
    const parsed = parseRow(row);
    const [, type, context] = parsed;
    this.#neededExtra = Math.max(this.#neededExtra, this.#layout.neededExtra(type, context.length));
    return csvRow(this.#layout.fields(parsed), this.#output);
  }

  encode(view: DataView, to: DataView, at: number): number {
    if (!this.#isKnown) return -1;
    const scanner = this.#scanner;
    const start = this.#start;
    const { items, starts, ends, kinds } = scanner;
    const timestampBytes = scanner.timestampEnd - start - 1;
    copyText(view, start + 1, to, at, timestampBytes);
    let toAt = at + timestampBytes;
    to.setUint8(toAt++, this.#delimiter);
    const type = this.#types.find(view, scanner.typeStart, scanner.typeEnd);
    copyText(type.field, 0, to, toAt, type.fieldBytes);
    toAt += type.fieldBytes;
    const { named, steps } = type;
    let column = TYPE_COLUMN;
    let columns = 0;
    const wanted = steps[items < named ? items : named] ?? NO_STEPS;
    for (let step = 0; step < wanted.length; step += 2) {
      const item = wanted[step] ?? 0;
      columns += wanted[step + 1] ?? 0;
      const kind = kinds[item] ?? ITEM.null;
      if (kind === ITEM.null) continue;
      toAt = this.#delimit(to, toAt, columns);
      column += columns;
      columns = 0;
      toAt = this.#item(view, starts[item] ?? 0, ends[item] ?? 0, kind, to, toAt);
    }
    if (items > named) {
      if (items > this.#neededExtra) this.#neededExtra = items;
      for (let item = named; item < items; item++) {
        const kind = kinds[item] ?? ITEM.null;
        const place = this.#firstExtra + item;
        if (kind === ITEM.null || place >= this.#extraEnd) continue;
        toAt = this.#delimit(to, toAt, place - column);
        column = place;
        toAt = this.#item(view, starts[item] ?? 0, ends[item] ?? 0, kind, to, toAt);
      }
    }
    toAt = this.#delimit(to, toAt, this.#extraEnd - 1 - column);
    if (this.#layout.beside.length > 0) toAt = this.#writeBeside(view, to, toAt);
    to.setUint8(toAt, NEWLINE);
    return toAt + 1;
  }

  #delimit(to: DataView, at: number, count: number): number {
    for (let written = 0; written < count; written += 8) to.setFloat64(at + written, this.#delimiters, true);
    return at + count;
  }

  #item(view: DataView, start: number, end: number, kind: number, to: DataView, at: number): number {
    const length = end - start;
    if (length === 0) {
      to.setUint8(at, QUOTE);
      to.setUint8(at + 1, QUOTE);
      return at + 2;
    }
    if (kind === ITEM.escaped) return this.#text.write(view, start, end, to, at);
    let toAt = at;
    if (kind === ITEM.delimited) to.setUint8(toAt++, QUOTE);
    if (this.#output.guard && isGuarded(view.getUint8(start))) to.setUint8(toAt++, APOSTROPHE);
    copyText(view, start, to, toAt, length);
    toAt += length;
    if (kind === ITEM.delimited) to.setUint8(toAt++, QUOTE);
    return toAt;
  }

  /** The columns that come last; each begins with its delimiter. */
  #writeBeside(view: DataView, to: DataView, start: number): number {
    const scanner = this.#scanner;
    let at = start;
    for (const column of this.#layout.beside) {
      to.setUint8(at++, this.#delimiter);
      switch (column) {
        case 'batch':
          at = this.#number(view, scanner.batchStart, scanner.batchStart + UUID_BYTES, to, at);
          break;
        case 'sequence':
          at = this.#number(view, scanner.sequenceStart, scanner.sequenceEnd, to, at);
          break;
        case 'received':
          at = this.#number(view, scanner.receivedStart, scanner.receivedEnd, to, at);
          break;
        case 'skew':
          at = this.#number(view, scanner.receivedEnd + 1, scanner.skewEnd, to, at);
          break;
        case 'version':
          if (view.getUint8(scanner.versionStart) === QUOTE) {
            const [from, end] = [scanner.versionStart + 1, scanner.versionEnd - 1];
            at = this.#item(view, from, end, ITEM.escaped, to, at);
          }
      }
    }
    return at;
  }

  /** A number, a UUID, or `null`, which is an empty field. */
  #number(view: DataView, start: number, end: number, to: DataView, at: number): number {
    const first = view.getUint8(start);
    if (first === LETTER_N) return at;
    let toAt = at;
    if (this.#output.guard && isGuarded(first)) to.setUint8(toAt++, APOSTROPHE);
    copyText(view, start, to, toAt, end - start);
    return toAt + end - start;
  }
}

/** Whether there is what needs no quotes. */
function isUuid(view: DataView, start: number): boolean {
  for (let at = start; at < start + UUID_BYTES; at++) {
    const byte = view.getUint8(at);
    const isHex = byte > NINE ? byte >= LETTER_A && byte <= LETTER_F : byte > SLASH;
    if (!isHex && byte !== DASH) return false;
  }
  return true;
}
