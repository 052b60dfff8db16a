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
  readonly #file: MetadataFile<ClockState>;

  private constructor(file: MetadataFile<ClockState>) {
    this.#file = file;
  }

  /** A file that can't be read is made anew: without it the clock is doubted for longer, and nothing is lost. */
  static async open(file: string, logger: Logger): Promise<ClockMemory> {
    try {
      return new ClockMemory(await MetadataFile.open(file, UNKNOWN, parseState));
    } catch (error) {
      logger.error({ err: error }, 'what was known of the clock is forgotten');
      await rm(file, { force: true });
      return new ClockMemory(await MetadataFile.open(file, UNKNOWN, parseState));
    }
  }

  get state(): ClockState {
    return this.#file.data;
  }

  /** Resolves when it is durable. */
  keep(state: ClockState): Promise<void> {
    return this.#file.change(() => state);
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
