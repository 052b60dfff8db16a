import type { Sender } from './report-events.ts';
import type { Usage } from './watch-process.ts';

/** What a report is to have; times in milliseconds, both included. */
export interface Query extends Sender {
  readonly start?: number;
  readonly end?: number;
}

/** Something that writes a report into a file, in a process of its own. */
export interface Maker {
  readonly name: string;
  /** Whether its rows are in the order of (timestamp, batch, sequence). */
  readonly isOrdered: boolean;
  make(query: Query, file: string): Promise<Usage>;
}
