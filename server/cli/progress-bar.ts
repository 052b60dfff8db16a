import type { ReportAdvance } from './report-source.ts';

/** Where a bar is drawn: standard error, as far as it is needed. */
export interface BarTerminal {
  readonly isTTY?: boolean;
  /** Characters in a line. */
  readonly columns?: number;
  write(text: string): unknown;
}

const REDRAW_MS = 100;
const BAR_WIDTH = 24;
const DEFAULT_COLUMNS = 80;

/**
 * A line that says how far something is, and is gone when it is over.
 *
 * It is drawn on terminals only, and on none that calls itself dumb. It has no colours and no escape sequences: it
 * is overwritten by itself, so that nothing has to be known of the terminal but its width.
 */
export class ProgressBar {
  readonly #terminal: BarTerminal;
  readonly #isShown: boolean;
  readonly #now: () => number;
  #drawn = '';
  #drawnMs = -Infinity;

  /**
   * @param environment - For `TERM`.
   * @param now - In milliseconds since the Unix epoch.
   */
  constructor(
    terminal: BarTerminal,
    environment: Readonly<Record<string, string | undefined>>,
    now: () => number = Date.now,
  ) {
    this.#terminal = terminal;
    this.#isShown = terminal.isTTY === true && environment['TERM'] !== 'dumb';
    this.#now = now;
  }

  /** Draws it again, not too often. */
  show(advance: ReportAdvance): void {
    const nowMs = this.#now();
    if (!this.#isShown || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    // The last column is left free: some terminals begin a new line behind it.
    const width = (this.#terminal.columns ?? DEFAULT_COLUMNS) - 1;
    this.#draw(textOf(advance, nowMs).slice(0, width));
  }

  /** Leaves nothing of it; it may be shown again. */
  clear(): void {
    if (this.#drawn === '') return;
    this.#draw('');
    this.#terminal.write('\r');
    this.#drawnMs = -Infinity;
  }

  #draw(text: string): void {
    this.#terminal.write(`\r${text.padEnd(this.#drawn.length)}`);
    this.#drawn = text;
  }
}

function textOf({ share, rows, expectedEnd }: ReportAdvance, nowMs: number): string {
  const parts = [share === null ? 'making the report' : barOf(share)];
  if (rows !== null) parts.push(`${rows.toLocaleString('en-US')} rows`);
  if (expectedEnd !== null && expectedEnd > nowMs) parts.push(`${durationOf(expectedEnd - nowMs)} left`);
  return parts.join('  ');
}

function barOf(share: number): string {
  const done = Math.floor(Math.min(Math.max(share, 0), 1) * BAR_WIDTH);
  const percent = String(Math.floor(Math.min(Math.max(share, 0), 1) * 100)).padStart(3);
  return `[${'#'.repeat(done)}${'.'.repeat(BAR_WIDTH - done)}] ${percent} %`;
}

function durationOf(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
