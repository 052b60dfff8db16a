import type { ReportFilter, ReportOutput } from '../../../shared/report.ts';
import type { StoredRow } from '../../store/event-store.ts';
import type { LineForm } from './line-form.ts';
import { KERNEL_SLACK_BYTES, type Region, type RowKernel } from './row-kernel.ts';

/** What follows a fixed text (`kernel/ndjson.ts`). */
const FIELD = {
  none: 0,
  type: 1,
  timestamp: 2,
  context: 3,
  version: 4,
  batch: 5,
  sequence: 6,
  received: 7,
  skew: 8,
} as const;
const WORD_BYTES = 4;
const PART_WORDS = 3;

/** Each row as a line with its event (`EventFull`), and what was asked for besides. */
export class NdjsonForm implements LineForm {
  readonly head = '';
  readonly encode: LineForm['encode'];
  readonly #codes: Pick<ReportFilter, 'customer' | 'product'>;
  readonly #hasReceived: boolean;
  readonly #hasSkew: boolean;

  /** @param space - For the fixed texts. */
  constructor(
    { customer, product }: ReportFilter,
    { columns }: ReportOutput,
    kernel: RowKernel,
    space: Region,
  ) {
    this.#codes = { customer, product };
    this.#hasReceived = columns.includes('received');
    this.#hasSkew = columns.includes('skew');
    this.encode = this.#configure(kernel, space) ? kernel.exports.encodeNdjson : undefined;
  }

  write([timestamp, type, context, batch, sequence, , received, skew, version]: StoredRow): string {
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

  /** A line has room for any context. */
  neededExtra(): number {
    return 0;
  }

  /** It needs no layouts. */
  addType(): boolean {
    return false;
  }

  /** Returns whether there is room for the texts. */
  #configure(kernel: RowKernel, { start, end }: Region): boolean {
    const codes = `${JSON.stringify(this.#codes).slice(0, -1)},"type":"`;
    const parts: readonly (readonly [text: string, field: number])[] = [
      [codes, FIELD.type],
      ['","timestamp":', FIELD.timestamp],
      [',"context":', FIELD.context],
      [',"version":', FIELD.version],
      [',"batch":"', FIELD.batch],
      ['","sequence":', FIELD.sequence],
      ...(this.#hasReceived ? [[',"received":', FIELD.received] as const] : []),
      ...(this.#hasSkew ? [[',"skew":', FIELD.skew] as const] : []),
      ['}\n', FIELD.none],
    ];
    const textsAt = start + WORD_BYTES * PART_WORDS * parts.length;
    const texts = Buffer.from(parts.map(([text]) => text).join(''));
    if (textsAt + texts.length + KERNEL_SLACK_BYTES > end) return false;
    texts.copy(kernel.bytes, textsAt);
    let textAt = textsAt;
    const words = parts.flatMap(([text, field]) => {
      const at = textAt;
      textAt += Buffer.byteLength(text);
      return [at, textAt - at, field];
    });
    kernel.putWords(start, words);
    kernel.exports.configureNdjson(start, parts.length, texts.length);
    return true;
  }
}
