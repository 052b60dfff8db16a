import type { ReportFilter, ReportOutput } from '../../../shared/report.ts';
import { copyText, viewOf, WORD_SLACK_BYTES } from '../../words.ts';
import { parseRow } from './parse-row.ts';
import type { RowEncoder } from './row-encoder.ts';
import { RowScanner, UUID_BYTES } from './row-scanner.ts';

const QUOTE = '"'.charCodeAt(0);

/** A fixed text of JSON, from which words can be read. */
class Piece {
  readonly length: number;
  readonly #view: DataView;

  constructor(text: string) {
    const bytes = Buffer.from(text);
    this.length = bytes.length;
    this.#view = viewOf(Buffer.concat([bytes, Buffer.alloc(WORD_SLACK_BYTES)]));
  }

  write(to: DataView, at: number): number {
    copyText(this.#view, 0, to, at, this.length);
    return at + this.length;
  }
}

const TIMESTAMP = new Piece('","timestamp":');
const CONTEXT = new Piece(',"context":');
const VERSION = new Piece(',"version":');
const BATCH = new Piece(',"batch":"');
const SEQUENCE = new Piece('","sequence":');
const RECEIVED = new Piece(',"received":');
const SKEW = new Piece(',"skew":');
const END = new Piece('}\n');
const FIXED_BYTES = [TIMESTAMP, CONTEXT, VERSION, BATCH, SEQUENCE, RECEIVED, SKEW, END].reduce(
  (sum, { length }) => sum + length,
  0,
);

/** Writes each row as a line with its event (`EventFull`), and what was asked for besides. */
export class NdjsonEncoder implements RowEncoder {
  readonly head = '';
  readonly #codes: Pick<ReportFilter, 'customer' | 'product'>;
  readonly #codesText: Piece;
  readonly #hasReceived: boolean;
  readonly #hasSkew: boolean;
  readonly #scanner = new RowScanner(QUOTE);
  #start = 0;
  #isKnown = false;

  constructor({ customer, product }: ReportFilter, { columns }: ReportOutput) {
    this.#codes = { customer, product };
    this.#codesText = new Piece(`${JSON.stringify(this.#codes).slice(0, -1)},"type":"`);
    this.#hasReceived = columns.includes('received');
    this.#hasSkew = columns.includes('skew');
  }

  /** A line has room for any context. */
  readonly neededExtra = 0;

  get lineEnd(): number {
    return this.#scanner.lineEnd;
  }

  maxBytes(rowBytes: number): number {
    return this.#codesText.length + FIXED_BYTES + rowBytes + 2 * WORD_SLACK_BYTES;
  }

  encodePlain(row: string): string {
    const [timestamp, type, context, batch, sequence, , received, skew, version] = parseRow(row);
    return `${JSON.stringify({
      ...this.#codes,
      type,
      timestamp,
      context,
      ...(version !== undefined && { version }),
      batch,
      sequence,
      ...(this.#hasReceived && { received }),
      ...(this.#hasSkew && { skew }),
    })}\n`;
  }

  scan(view: DataView, start: number, end: number): void {
    this.#start = start;
    this.#isKnown = this.#scanner.scan(view, start, end) && this.#scanner.scanTail(view);
  }

  encode(view: DataView, to: DataView, at: number): number {
    if (!this.#isKnown) return -1;
    const scanner = this.#scanner;
    let toAt = this.#codesText.write(to, at);
    toAt = copy(view, scanner.typeStart, scanner.typeEnd, to, toAt);
    toAt = TIMESTAMP.write(to, toAt);
    toAt = copy(view, this.#start + 1, scanner.timestampEnd, to, toAt);
    toAt = CONTEXT.write(to, toAt);
    toAt = copy(view, scanner.contextStart, scanner.contextEnd + 1, to, toAt);
    if (scanner.versionEnd > scanner.versionStart) {
      toAt = VERSION.write(to, toAt);
      toAt = copy(view, scanner.versionStart, scanner.versionEnd, to, toAt);
    }
    toAt = BATCH.write(to, toAt);
    toAt = copy(view, scanner.batchStart, scanner.batchStart + UUID_BYTES, to, toAt);
    toAt = SEQUENCE.write(to, toAt);
    toAt = copy(view, scanner.sequenceStart, scanner.sequenceEnd, to, toAt);
    if (this.#hasReceived) {
      toAt = RECEIVED.write(to, toAt);
      toAt = copy(view, scanner.receivedStart, scanner.receivedEnd, to, toAt);
    }
    if (this.#hasSkew) {
      toAt = SKEW.write(to, toAt);
      toAt = copy(view, scanner.receivedEnd + 1, scanner.skewEnd, to, toAt);
    }
    return END.write(to, toAt);
  }
}

function copy(from: DataView, start: number, end: number, to: DataView, at: number): number {
  copyText(from, start, to, at, end - start);
  return at + end - start;
}
