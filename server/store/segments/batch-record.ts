import type { EventProblemCode } from '../../../shared/error-codes.ts';

/** An event of a batch that was refused, and why. */
export interface Refusal {
  readonly sequence: number;
  readonly code: EventProblemCode;
  /** Relative to the event; empty for the event itself. */
  readonly path: string;
}

/** What is kept for ever of a batch that was stored, to answer whoever sends it again. */
export interface StoredRecord {
  readonly fingerprint: string;
  /** Events as sent: stored and refused. */
  readonly count: number;
  readonly parents?: readonly string[];
  readonly offset?: number;
  readonly rejected?: readonly Refusal[];
}

/** A batch that was split into halves is never stored itself. */
export type BatchRecord = StoredRecord | 'split';

/** The two files of a sealed segment, or of an id file. */
export interface FilePair {
  readonly data: string;
  readonly index: string;
}

export interface IdFileSummary {
  readonly count: number;
  readonly dataBytes: number;
  readonly indexBytes: number;
}
