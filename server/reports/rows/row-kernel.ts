import { readFileSync } from 'node:fs';

/** Why the kernel stops (`kernel/progress.ts`). */
export const KERNEL_STATE = { done: 0, full: 1, unknownForm: 2, unknownType: 3 } as const;

/** Bytes behind what the kernel reads or writes that it may read, or write over, too. */
export const KERNEL_SLACK_BYTES = 64;

type EncodeRows = (start: number, end: number, to: number, toEnd: number) => number;

/** What the kernel exports (`kernel/index.ts`); all places are addresses in its memory. */
interface KernelExports {
  readonly configureCsv: (
    delimiter: number,
    guard: boolean,
    columns: number,
    firstExtra: number,
    extra: number,
    beside: number,
  ) => void;
  readonly encodeCsv: EncodeRows | undefined;
  readonly configureNdjson: (parts: number, count: number, textBytes: number) => void;
  readonly encodeNdjson: EncodeRows | undefined;
  readonly addType: (layout: number) => void;
  readonly clearTypes: () => void;
  readonly at: () => number;
  readonly to: () => number;
  readonly rows: () => number;
  readonly neededExtra: () => number;
  readonly countRow: (neededExtra: number) => void;
  readonly lineEnd: () => number;
  readonly typeStart: () => number;
  readonly typeEnd: () => number;
}

/** A part of the kernel's memory. */
export interface Region {
  readonly start: number;
  readonly end: number;
}

const PAGE_BYTES = 65_536;
/** Of the kernel itself. */
const KERNEL_PAGES = 2;

/**
 * An instance of the code that turns rows into text: `kernel/`, compiled.
 *
 * It is WebAssembly since JavaScript has no instructions that look at 16 bytes at once: a row takes a quarter of
 * the time so.
 */
export class RowKernel {
  readonly exports: KernelExports;
  readonly bytes: Buffer;
  #end = KERNEL_PAGES * PAGE_BYTES;

  /**
   * @param module - Of `loadKernel`.
   * @param bytes - Of all regions together.
   */
  constructor(module: WebAssembly.Module | undefined, bytes: number) {
    const pages = KERNEL_PAGES + Math.ceil(bytes / PAGE_BYTES);
    if (module === undefined) {
      this.exports = withoutKernel();
      this.bytes = Buffer.alloc(pages * PAGE_BYTES);
      return;
    }
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    // It is built from the sources beside this one, and nothing else.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    this.exports = exports as unknown as KernelExports;
    this.bytes = Buffer.from(memory.buffer);
  }

  /** Sets memory aside. */
  region(bytes: number): Region {
    const start = this.#end;
    this.#end = start + bytes;
    if (this.#end > this.bytes.length) throw new RangeError('the kernel has no more memory');
    return { start, end: this.#end };
  }

  /** Puts words at a place. */
  putWords(at: number, words: readonly number[]): void {
    for (const [index, word] of words.entries()) this.bytes.writeUInt32LE(word, at + 4 * index);
  }
}

/**
 * @param path - The built kernel, `rows.wasm`.
 * @returns undefined if this processor has no instructions for it, as some that virtual machines are given: every
 *   row is parsed then.
 */
export function loadKernel(path: string): WebAssembly.Module | undefined {
  const bytes = readFileSync(path);
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined;
}

const nowhere = (): number => 0;

/** In place of the kernel: counts rows, and writes none. */
function withoutKernel(): KernelExports {
  let rows = 0;
  let needed = 0;
  const begin = (): void => {
    rows = 0;
    needed = 0;
  };
  return {
    configureCsv: begin,
    encodeCsv: undefined,
    configureNdjson: begin,
    encodeNdjson: undefined,
    addType: () => undefined,
    clearTypes: () => undefined,
    at: nowhere,
    to: nowhere,
    rows: () => rows,
    neededExtra: () => needed,
    countRow: (neededExtra) => {
      rows++;
      needed = Math.max(needed, neededExtra);
    },
    lineEnd: nowhere,
    typeStart: nowhere,
    typeEnd: nowhere,
  };
}
