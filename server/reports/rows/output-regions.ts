import { KERNEL_SLACK_BYTES, type Region, type RowKernel } from './row-kernel.ts';

const REGION_BYTES = 1_048_576;

/** Collects what rows have become in parts of the kernel's memory that are used again and again. */
export class OutputRegions {
  /** What all regions take. */
  static readonly bytes = (regions: number): number => regions * (REGION_BYTES + KERNEL_SLACK_BYTES);

  readonly #bytes: Buffer;
  readonly #free: Region[] = [];
  readonly #onFull: (bytes: Buffer, release: () => void) => void;
  #region: Region;
  /** Where the next byte goes. */
  at: number;

  /** @param onFull - Takes bytes, which stay until it releases them. */
  constructor(kernel: RowKernel, regions: number, onFull: (bytes: Buffer, release: () => void) => void) {
    this.#bytes = kernel.bytes;
    this.#onFull = onFull;
    for (let number = 1; number < regions; number++) this.#free.push(newRegion(kernel));
    this.#region = newRegion(kernel);
    this.at = this.#region.start;
  }

  /** Where the room ends that is there from `at` on. */
  get end(): number {
    return this.#region.end;
  }

  get isEmpty(): boolean {
    return this.at === this.#region.start;
  }

  /** Forgets what there is. */
  clear(): void {
    this.at = this.#region.start;
  }

  /** Passes on what there is. */
  flush(): void {
    if (this.isEmpty) return;
    const { start } = this.#region;
    const bytes = this.#bytes.subarray(start, this.at);
    const next = this.#free.pop();
    // Where somebody is slow, what is added at once may be more than there is room for.
    if (next === undefined) this.#onFull(Buffer.from(bytes), () => undefined);
    else {
      const full = this.#region;
      this.#onFull(bytes, () => this.#free.push(full));
      this.#region = next;
    }
    this.at = this.#region.start;
  }

  /** Puts bytes behind the others. */
  append(bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) {
      if (this.at === this.end) this.flush();
      const copied = bytes.copy(this.#bytes, this.at, from, from + this.end - this.at);
      this.at += copied;
      from += copied;
    }
  }
}

function newRegion(kernel: RowKernel): Region {
  const { start, end } = kernel.region(REGION_BYTES + KERNEL_SLACK_BYTES);
  return { start, end: end - KERNEL_SLACK_BYTES };
}
