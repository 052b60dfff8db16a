import { rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import { isRecord } from '../shared/text.ts';
import { MetadataFile } from './metadata-file.ts';

/** What is known of the clock. */
export interface ClockState {
  /** What it said when it was believed last, in milliseconds since the Unix epoch; undefined if it never was. */
  readonly believedMs: number | undefined;
  /** Hours for which the server has run with a clock that is doubted. */
  readonly doubtHours: number;
}

const UNKNOWN: ClockState = { believedMs: undefined, doubtHours: 0 };

/** What is known of the clock, also after a restart. */
export class ClockMemory {
  readonly #file: MetadataFile<ClockState> | undefined;

  private constructor(file: MetadataFile<ClockState> | undefined) {
    this.#file = file;
  }

  /** A file that can't be read is made anew: without it the clock is doubted for longer, and nothing is lost. */
  static async open(file: string, logger: Logger): Promise<ClockMemory> {
    for (const isFirst of [true, false]) {
      try {
        if (!isFirst) await rm(file, { force: true });
        return new ClockMemory(await MetadataFile.open(file, UNKNOWN, parseState));
      } catch (error) {
        logger.error({ err: error }, 'what was known of the clock is forgotten');
      }
    }
    return new ClockMemory(undefined);
  }

  get state(): ClockState {
    return this.#file?.data ?? UNKNOWN;
  }

  /**
   * Resolves when it is durable.
   *
   * @throws Error if it can't be written.
   */
  async keep(state: ClockState): Promise<void> {
    if (this.#file === undefined) throw new Error('the file of the clock can not be made anew');
    await this.#file.change(() => state);
  }
}

function parseState(value: unknown): ClockState {
  const { believedMs, doubtHours } = isRecord(value) ? value : {};
  if (!isTime(believedMs ?? 0) || !isTime(doubtHours)) throw new Error('it is not what is known of a clock');
  return { believedMs: isTime(believedMs) ? believedMs : undefined, doubtHours };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
