import { erasedKey, type Erasure } from '../erasure.ts';
import type { ErasureProgress, ErasureRequest } from '../event-store.ts';
import type { DataDir } from './data-dir.ts';
import type { Manifest } from './manifest.ts';
import type { SegmentWriter } from './segment-writer.ts';

/** After which a segment that could not be closed is closed again. */
const RETRY_MS = 5_000;

export interface RemovalDependencies {
  readonly dir: DataDir;
  readonly manifest: Manifest;
  readonly writer: SegmentWriter;
  /** Has sealing and rewriting looked for. */
  readonly wake: () => void;
  /** Told when a segment can't be closed; it is tried again. */
  readonly onFailure: (error: unknown) => void;
  /** What keeps closed segments from being sealed and rewritten for an erasure, in words for the operator. */
  readonly obstacleTo: (erasure: Erasure) => string | undefined;
}

/**
 * Makes events count no more: by a record of the manifest at once, and by what is then rewritten for good.
 *
 * Only what is sealed is rewritten, so a log segment that has something to be erased is closed first.
 */
export class Removal {
  readonly #deps: RemovalDependencies;
  #rolling: Promise<void> | undefined;
  #hasExpired = false;
  /** Why the active segment could not be closed when that was tried last. */
  #rollFailure: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: RemovalDependencies) {
    this.#deps = deps;
  }

  async expire(beforeMs: number): Promise<void> {
    const { manifest } = this.#deps;
    if (beforeMs <= manifest.files.expiredBefore) return;
    await manifest.append({ op: 'expire', before: beforeMs });
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
    await this.#deps.manifest.appendNext(({ erasures }) => {
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
    return [...this.#deps.manifest.files.erasures.values()].map(({ erasure, events, doneMs }) => {
      const { number, customer, askedMs } = erasure;
      const waitsFor = doneMs === undefined ? this.#obstacleTo(erasure) : undefined;
      return { number, customer, askedMs, events, doneMs, waitsFor };
    });
  }

  /** Closes the active segment if something is to go from it, one roll at a time. */
  goOn(): void {
    if (this.#rolling !== undefined) return;
    if (!this.#hasExpired && !this.isRollDue) this.#deps.wake();
    else this.#rolling = this.#roll();
  }

  /** Whether the active segment has something that is to be erased. */
  get isRollDue(): boolean {
    const { pendingErasures } = this.#deps.manifest.files;
    // Asked with every batch.
    if (pendingErasures.size === 0) return false;
    const first = this.#firstPosition;
    return [...pendingErasures.values()].some(({ position }) => first <= position);
  }

  /** Of the active segment. */
  get #firstPosition(): number {
    const { manifest, writer } = this.#deps;
    return manifest.files.segments.get(writer.active.number)?.firstPosition ?? Infinity;
  }

  #obstacleTo(erasure: Erasure): string | undefined {
    if (this.#rollFailure !== undefined && this.#firstPosition <= erasure.position) return this.#rollFailure;
    return this.#deps.obstacleTo(erasure);
  }

  /** Resolves when no segment is being closed. */
  async settled(): Promise<void> {
    while (this.#rolling !== undefined) await this.#rolling;
  }

  /** Tries nothing again. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  async #roll(): Promise<void> {
    clearTimeout(this.#retry);
    const { dir, writer, onFailure } = this.#deps;
    const { number } = writer.active;
    const file = dir.segment(number);
    const isForced = this.isRollDue;
    const isMissing = `${file} is missing: put it back from a backup, or an empty file in its place if it is lost, and start the server again`;
    let failure = isForced ? isMissing : undefined;
    try {
      await writer.roll(isForced);
      this.#hasExpired = false;
    } catch (error) {
      onFailure(error);
      failure = `${file} can not be closed, and is tried again (${messageOf(error)})`;
    }
    this.#rollFailure = writer.active.number === number ? failure : undefined;
    this.#rolling = undefined;
    if (this.#isClosed) return;
    const isDue = this.#hasExpired || this.isRollDue;
    // It failed, or the segment's file is missing and somebody may bring it back: not at once again.
    if (isDue && this.#rollFailure !== undefined)
      this.#retry = setTimeout(() => this.goOn(), RETRY_MS).unref();
    // There may be more by now; if not, there is something to be rewritten.
    else this.goOn();
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'nobody knows why';
  return error.cause instanceof Error ? error.cause.message : error.message;
}
