import type { ReportFilter, ReportOutput } from '../../../shared/report.ts';
import type { ProductColumns } from '../../catalog/catalog.ts';
import { RowLayout } from '../row-layout.ts';
import { CsvForm } from './csv-form.ts';
import type { LineForm } from './line-form.ts';
import { NdjsonForm } from './ndjson-form.ts';
import { OutputRegions } from './output-regions.ts';
import { parseRow } from './parse-row.ts';
import { KERNEL_SLACK_BYTES, KERNEL_STATE, RowKernel, type Region } from './row-kernel.ts';

/** What rows are to become. */
export interface RowForm {
  readonly filter: ReportFilter;
  readonly output: ReportOutput;
  readonly columns: ProductColumns;
}

/** For rows, as many at a time; one that is longer goes the long way. */
const INPUT_BYTES = 262_144;
/** For layouts of types, or fixed texts. */
const LAYOUT_BYTES = 1_048_576;
const NEWLINE = 0x0a;

/** Turns rows (`RowSink`) into what a report has of them: in the kernel, and by parsing those of another form. */
export class RowEncoding {
  readonly #form: RowForm;
  readonly #kernel: RowKernel;
  readonly #input: Region;
  readonly #layouts: Region;
  readonly #output: OutputRegions;
  #lines: LineForm;
  #extra = 0;
  #isCounting = false;
  /** Rows that had to be parsed. */
  parsed = 0;

  /**
   * @param module - Of `loadKernel`.
   * @param regions - How many of what is made may be held by `onFull` without being copied.
   * @param onFull - Takes bytes, which stay until it releases them.
   */
  constructor(
    module: WebAssembly.Module | undefined,
    form: RowForm,
    regions: number,
    onFull: (bytes: Buffer, release: () => void) => void,
  ) {
    this.#form = form;
    const bytes = INPUT_BYTES + KERNEL_SLACK_BYTES + LAYOUT_BYTES + OutputRegions.bytes(regions);
    this.#kernel = new RowKernel(module, bytes);
    this.#input = this.#kernel.region(INPUT_BYTES + KERNEL_SLACK_BYTES);
    this.#layouts = this.#kernel.region(LAYOUT_BYTES);
    this.#output = new OutputRegions(this.#kernel, regions, (made, release) => {
      if (this.#isCounting) release();
      else onFull(made, release);
    });
    this.#lines = this.#linesOf(0);
  }

  /** Rows so far. */
  get rows(): number {
    return this.#kernel.exports.rows() >>> 0;
  }

  /** How many columns `context1`, … the rows so far take; from where those are more than there are nothing is written. */
  get neededExtra(): number {
    return this.#kernel.exports.neededExtra();
  }

  /**
   * Begins anew, with the head.
   *
   * @param extra - How many columns `context1`, … a table has.
   */
  begin(extra: number): void {
    this.#extra = extra;
    this.#lines = this.#linesOf(extra);
    this.#output.append(Buffer.from(this.#lines.head));
  }

  /** @param bytes - Whole lines from `start` to `end`. */
  encode(bytes: Buffer, start: number, end: number): void {
    for (let from = start; from < end;) {
      const to = endOfPart(bytes, from, end);
      if (to - from > INPUT_BYTES || this.#lines.encode === undefined) this.#parseLines(bytes, from, to);
      else this.#encodePart(this.#lines.encode, bytes, from, to);
      from = to;
    }
  }

  /** How many columns `context1`, … some rows take. Nothing may have been written before; to be followed by `begin`. */
  extraOf(bytes: Buffer, start: number, end: number): number {
    this.#isCounting = true;
    this.encode(bytes, start, end);
    this.#isCounting = false;
    this.#output.clear();
    return this.neededExtra;
  }

  /** Passes on what there is. */
  flush(): void {
    this.#output.flush();
  }

  #linesOf(extra: number): LineForm {
    const { filter, output, columns } = this.#form;
    return output.format === 'ndjson'
      ? new NdjsonForm(filter, output, this.#kernel, this.#layouts)
      : new CsvForm(new RowLayout(columns, extra, output.columns), output, this.#kernel, this.#layouts);
  }

  #encodePart(encode: NonNullable<LineForm['encode']>, bytes: Buffer, start: number, end: number): void {
    const { exports, bytes: memory } = this.#kernel;
    const input = this.#input.start;
    const inputEnd = input + end - start;
    bytes.copy(memory, input, start, end);
    // The kernel looks for them without asking where the rows end.
    memory.fill('"', inputEnd, inputEnd + KERNEL_SLACK_BYTES - 1);
    memory[inputEnd + KERNEL_SLACK_BYTES - 1] = NEWLINE;
    const output = this.#output;
    for (let at = input; at < inputEnd;) {
      const state = encode(at, inputEnd, output.at, output.end);
      at = exports.at();
      output.at = exports.to();
      if (state === KERNEL_STATE.done) return;
      if (state === KERNEL_STATE.full && !output.isEmpty) output.flush();
      else if (state !== KERNEL_STATE.unknownType || !this.#addType()) {
        const lineEnd = exports.lineEnd();
        this.#parseLine(memory.toString('utf8', at, lineEnd));
        at = lineEnd + 1;
      }
    }
  }

  #addType(): boolean {
    const { exports } = this.#kernel;
    return this.#lines.addType(exports.typeStart(), exports.typeEnd());
  }

  #parseLines(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end;) {
      const newline = bytes.indexOf(NEWLINE, at);
      this.#parseLine(bytes.toString('utf8', at, newline));
      at = newline + 1;
    }
  }

  #parseLine(line: string): void {
    const row = parseRow(line);
    const { exports } = this.#kernel;
    exports.countRow(this.#lines.neededExtra(row));
    this.parsed++;
    if (exports.neededExtra() <= this.#extra) this.#output.append(Buffer.from(this.#lines.write(row)));
  }
}

/** Where as many lines end as are encoded at once, or one that is too long for that. */
function endOfPart(bytes: Buffer, start: number, end: number): number {
  if (end - start <= INPUT_BYTES) return end;
  const last = bytes.lastIndexOf(NEWLINE, start + INPUT_BYTES - 1);
  return (last < start ? bytes.indexOf(NEWLINE, start) : last) + 1;
}
