/** What is numbered and named of one log segment; anybody may send any codes, where there is no catalog. */
export interface SealLimits {
  /** Clusters of one customer, product and day; the rows of all others are in the mixed one. */
  readonly maxClusters: number;
  /** Of their customers' and products' codes, UTF-8 bytes, each as often as an index has it. */
  readonly maxNameBytes: number;
  /** Types that are counted at all; an index names fewer. */
  readonly maxTypes: number;
  readonly maxTypeBytes: number;
}

/**
 * A cluster costs some 200 bytes of index, so that these are about 1 % of a log segment's 64 MiB. Names are given in
 * the order in which they come: to find out which have the most rows would take a second look at the segment.
 */
export const SEAL_LIMITS: SealLimits = {
  maxClusters: 4_096,
  maxNameBytes: 1_048_576,
  maxTypes: 4_096,
  maxTypeBytes: 1_048_576,
};
