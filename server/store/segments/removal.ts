import { erasedKey, type Erasure } from '../erasure.ts';
import type { ErasureProgress, ErasureRequest } from '../event-store.ts';
import type { Manifest } from './manifest.ts';
import type { SegmentWriter } from './segment-writer.ts';

/** After which a segment that could not be closed is closed again. */
const RETRY_MS = 5_000;

/**
 * Makes events count no more: by a record of the manifest at once, and by what is then rewritten for good.
 *
 * Only what is sealed is rewritten, so a log segment that has something to be erased is closed first.
 */
export class Removal {
  readonly #manifest: Manifest;
  readonly #writer: SegmentWriter;
  readonly #wake: () => void;
  readonly #onFailure: (error: unknown) => void;
  #rolling: Promise<void> | undefined;
  #hasExpired = false;
  #retry: NodeJS.Timeout | undefined;

  /**
   * @param wake - Has sealing and rewriting looked for.
   * @param onFailure - Told when a segment can't be closed; it is tried again.
   */
  constructor(
    manifest: Manifest,
    writer: SegmentWriter,
    wake: () => void,
    onFailure: (error: unknown) => void,
  ) {
    this.#manifest = manifest;
    this.#writer = writer;
    this.#wake = wake;
    this.#onFailure = onFailure;
  }

  async expire(beforeMs: number): Promise<void> {
    if (beforeMs <= this.#manifest.files.expiredBefore) return;
    await this.#manifest.append({ op: 'expire', before: beforeMs });
    this.#hasExpired = true;
    this.goOn();
  }

  /** @param position - Of the newest batch that is stored when it is this erasure's turn. */
  async erase(
    { customer, before, key }: ErasureRequest,
    nowMs: number,
    position: () => number,
  ): Promise<number> {
    let number = 0;
    await this.#manifest.appendNext(({ erasures }) => {
      const salt = [...erasures.values()].find(({ erasure }) => erasure.key)?.erasure.key?.salt;
      number = Math.max(0, ...erasures.keys()) + 1;
      const erasure: Erasure = {
        number,
        askedMs: nowMs,
        position: position(),
        customer,
        ...(before !== undefined && { before }),
        ...(key !== undefined && { key: erasedKey(key, salt) }),
      };
      return { op: 'erase', erasure };
    });
    // It is in force by now, and not to wait for a disk.
    this.goOn();
    return number;
  }

  erasures(): readonly ErasureProgress[] {
    return [...this.#manifest.files.erasures.values()].map(({ erasure, events, doneMs }) => {
      const { number, customer, askedMs } = erasure;
      return { number, customer, askedMs, events, doneMs };
    });
  }

  /** Closes the active segment if something is to go from it, one roll at a time. */
  goOn(): void {
    if (this.#rolling !== undefined) return;
    if (!this.#hasExpired && !this.isRollDue) this.#wake();
    else this.#rolling = this.#roll();
  }

  /** Whether the active segment has something that is to be erased. */
  get isRollDue(): boolean {
    const { pendingErasures, segments } = this.#manifest.files;
    // Asked with every batch.
    if (pendingErasures.size === 0) return false;
    const first = segments.get(this.#writer.active.number)?.firstPosition ?? Infinity;
    return [...pendingErasures.values()].some(({ position }) => first <= position);
  }

  /** Resolves when no segment is being closed. */
  async settled(): Promise<void> {
    while (this.#rolling !== undefined) await this.#rolling;
  }

  close(): void {
    clearTimeout(this.#retry);
  }

  async #roll(): Promise<void> {
    clearTimeout(this.#retry);
    const { number } = this.#writer.active;
    try {
      await this.#writer.roll(this.isRollDue);
      this.#hasExpired = false;
    } catch (error) {
      this.#onFailure(error);
    }
    this.#rolling = undefined;
    const isDue = this.#hasExpired || this.isRollDue;
    // It failed, or the segment's file is missing and somebody may bring it back: not at once again.
    if (isDue && this.#writer.active.number === number)
      this.#retry = setTimeout(() => this.goOn(), RETRY_MS).unref();
    // There may be more by now; if not, there is something to be rewritten.
    else this.goOn();
  }
}
