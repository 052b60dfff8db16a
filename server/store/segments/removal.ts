import { erasedKey, type Erasure } from '../erasure.ts';
import type { ErasureProgress, ErasureRequest } from '../event-store.ts';
import type { Manifest } from './manifest.ts';
import type { SegmentWriter } from './segment-writer.ts';

/**
 * Makes events count no more: by a record of the manifest at once, and by what is then rewritten for good.
 *
 * Only what is sealed is rewritten, so a log segment that has something to be erased is closed first.
 */
export class Removal {
  readonly #manifest: Manifest;
  readonly #writer: SegmentWriter;
  readonly #wake: () => void;
  #rolling: Promise<void> | undefined;

  /** @param wake - Has sealing and rewriting looked for. */
  constructor(manifest: Manifest, writer: SegmentWriter, wake: () => void) {
    this.#manifest = manifest;
    this.#writer = writer;
    this.#wake = wake;
  }

  async expire(beforeMs: number): Promise<void> {
    if (beforeMs <= this.#manifest.files.expiredBefore) return;
    await this.#manifest.append({ op: 'expire', before: beforeMs });
    await this.#writer.roll();
    this.#wake();
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

  /** Closes the active segment if something is to be erased from it; to be called again if that could not be done. */
  goOn(): void {
    if (this.#rolling !== undefined) return;
    if (!this.isRollDue) this.#wake();
    else {
      this.#rolling = this.#roll().finally(() => {
        this.#rolling = undefined;
        // An erasure that came meanwhile, of what came meanwhile.
        if (!this.isRollDue) this.#wake();
      });
    }
  }

  /** Whether the active segment has something that is to be erased. */
  get isRollDue(): boolean {
    const { pendingErasures, segments } = this.#manifest.files;
    // Asked with every batch.
    if (pendingErasures.size === 0) return false;
    const first = segments.get(this.#writer.active.number)?.firstPosition ?? Infinity;
    return [...pendingErasures.values()].some(({ position }) => first <= position);
  }

  async settled(): Promise<void> {
    await this.#rolling;
  }

  async #roll(): Promise<void> {
    try {
      await this.#writer.roll(true);
    } catch {
      // The next batch tries it again, and says why if it can't be stored either.
    }
  }
}
