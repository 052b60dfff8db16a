/** The numbers that both sides of the wire must agree on. A server may be configured otherwise. */
export interface Limits {
  /** Bytes of a request body after inflating. */
  readonly maxBodyBytes: number;
  /** Events in one batch. */
  readonly maxEvents: number;
  /** Items of an event's context. */
  readonly maxContextItems: number;
  /** UTF-16 units of a context item or of the version. */
  readonly maxStringLength: number;
  /** UTF-16 units of a customer, product or type code. */
  readonly maxCodeLength: number;
  /** UTF-8 bytes of one event as JSON. */
  readonly maxEventBytes: number;
  /** How far ahead of the clock a timestamp may lie, in milliseconds. */
  readonly maxFutureMs: number;
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  maxBodyBytes: 1_048_576,
  maxEvents: 1_000,
  maxContextItems: 64,
  maxStringLength: 4_096,
  maxCodeLength: 128,
  maxEventBytes: 65_536,
  maxFutureMs: 86_400_000,
});

/** How often a batch can be halved before every half is one event, with room to spare. */
export const MAX_PARENTS = 32;
