import type { RowSink } from '../../event-store.ts';

/** The sink is asked whether to wait once it got so many bytes; with a window more they are less than 400 KiB. */
const ASK_BYTES = 65_536;
const PIECE_BYTES = 65_536;
/** Spans that are shorter are put together. */
const SHORT_BYTES = 4_096;

/** Hands rows on to a sink, where runs interleave as many at a time as elsewhere. */
export class RowOutput {
  readonly #sink: RowSink;
  readonly #piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #held = 0;
  /** Bytes that the sink got since it was asked last. */
  #added = 0;

  constructor(sink: RowSink) {
    this.#sink = sink;
  }

  /** Takes whole lines, valid during the call only. @returns What to wait for before more is added, if anything. */
  add(bytes: Buffer, start: number, end: number): Promise<void> | undefined {
    const length = end - start;
    if (length < SHORT_BYTES) {
      if (this.#held + length > PIECE_BYTES) this.#flush();
      bytes.copy(this.#piece, this.#held, start, end);
      this.#held += length;
    } else {
      this.#flush();
      this.#sink.add(bytes, start, end);
      this.#added += length;
    }
    if (this.#added < ASK_BYTES) return undefined;
    this.#added = 0;
    return this.#sink.drained();
  }

  /** Hands on what is held back. */
  end(): Promise<void> | undefined {
    this.#flush();
    return this.#sink.drained();
  }

  #flush(): void {
    if (this.#held === 0) return;
    this.#sink.add(this.#piece, 0, this.#held);
    this.#added += this.#held;
    this.#held = 0;
  }
}
