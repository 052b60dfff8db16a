import { isUnreadable } from '../disk-errors.ts';
import { PAGE_BYTES, type LineWindow } from '../line-window.ts';
import { parseDay, STRAY, utcDay } from './sealed-day.ts';
import {
  BATCHES_LINE,
  compareClusters,
  encodeLine,
  FIRST_LINE,
  isCluster,
  MIXED,
  namedCluster,
  nameOf,
  parseIndexLine,
  type ClusterLine,
  type ClusterName,
  type MixedCluster,
  type SealedCluster,
  type SealedIndexHeader,
} from './sealed-index.ts';

/** Clusters that a reader asks for. */
export interface WantedClusters {
  readonly customer: string;
  readonly product: string;
  /** The first and the last time of interest, in milliseconds since the Unix epoch. */
  readonly start: number;
  readonly end: number;
}

/** The clusters of a product that are of some days, counted since the Unix epoch; they lie side by side in a file. */
export interface DayRange {
  readonly customer: string;
  readonly product: string;
  readonly firstDay: number;
  readonly lastDay: number;
}

/** Clusters that are looked for together; the mixed one may have rows of anybody. */
export type ClusterRange = DayRange | MixedCluster;

/** How a search came to its end. */
export interface Found {
  /** False if the index is not what it was written as: clusters behind `last` may be missing, before it none are. */
  readonly isWhole: boolean;
  /** The last cluster that was found. */
  readonly last: SealedCluster | undefined;
}

/** A line of the index: that of a cluster, or the first one, which comes before them all. */
interface Place {
  /** Where in the index the next line begins. */
  readonly end: number;
  /** Where in the data file its cluster ends. */
  readonly dataEnd: number;
  readonly cluster: ClusterLine | undefined;
}

interface ClusterPlace extends Place {
  readonly start: number;
  readonly cluster: ClusterLine;
}

class IndexDamageError extends Error {}

/** Where the clusters lie that can have what is wanted, in the order in which a file has them. */
export function rangesOf({ customer, product, start, end }: WantedClusters): readonly ClusterRange[] {
  // The day of no end is that of the stray ones, which come in their own range.
  const days = { firstDay: utcDay(start), lastDay: Math.min(utcDay(end), Number.MAX_VALUE) };
  const stray = { firstDay: STRAY, lastDay: STRAY };
  return [...[days, stray].map((range) => ({ customer, product, ...range })), MIXED];
}

/** Where a cluster lies: in the range (0), or before it (below 0), or behind it. */
export function compareToRange(cluster: ClusterName, range: ClusterRange): number {
  // The mixed one comes behind all others.
  if (cluster.customer === null) return range.customer === null ? 0 : 1;
  if (range.customer === null) return -1;
  const { customer, product } = range;
  const toProduct = compareClusters({ ...cluster, day: null }, { customer, product, day: null });
  if (toProduct !== 0) return toProduct;
  const { firstDay, lastDay } = range;
  const day = parseDay(cluster.day);
  return day < firstDay ? -1 : day > lastDay ? 1 : 0;
}

/**
 * Finds clusters in an index by bisection: of a large one it reads a few pages and the lines that match.
 *
 * That none is missing follows from what its lines say of the data file, which is in order: the clusters before, in
 * and behind a range lie there side by side. Damage elsewhere in the index is not noticed.
 *
 * @param start - Where the first line of a cluster begins.
 * @param ranges - In the order of their clusters, without any that two of them have.
 */
export async function* findClusters(
  lines: LineWindow,
  header: SealedIndexHeader,
  start: number,
  ranges: readonly ClusterRange[],
): AsyncGenerator<SealedCluster, Found, undefined> {
  const search = new ClusterSearch(lines, header, start);
  let last: SealedCluster | undefined;
  try {
    for (const range of ranges) {
      if (range.customer === null && header.mixed === undefined) continue;
      for await (const line of search.within(range)) {
        last = namedCluster(line, header.types);
        yield last;
      }
    }
    return { isWhole: true, last };
  } catch (error) {
    if (!(error instanceof IndexDamageError || isUnreadable(error))) throw error;
    return { isWhole: false, last };
  }
}

class ClusterSearch {
  readonly #lines: LineWindow;
  /** Where in the data file the clusters end. */
  readonly #dataEnd: number;
  readonly #first: Place;
  /** What bisections looked at: it says where the next range need not be looked for. */
  readonly #known: ClusterPlace[] = [];

  constructor(lines: LineWindow, { bytes, batches }: SealedIndexHeader, start: number) {
    this.#lines = lines;
    this.#dataEnd = batches === null ? bytes : batches.offset - BATCHES_LINE.length;
    this.#first = { end: start, dataEnd: FIRST_LINE.length, cluster: undefined };
  }

  /** @throws IndexDamageError if it can't be told whether a cluster is missing. */
  async *within(range: ClusterRange): AsyncGenerator<ClusterLine, void, undefined> {
    let place = await this.#before(range);
    for (;;) {
      const next = await this.#after(place);
      if (next === undefined) return;
      const order = compareToRange(next.cluster, range);
      if (order > 0) return;
      if (order === 0) yield next.cluster;
      place = next;
    }
  }

  /** A place that lies before a range, at most a page or a line. */
  async #before(range: ClusterRange): Promise<Place> {
    let low = this.#first;
    // Behind it no cluster before the range begins.
    let high = this.#lines.size;
    const note = (place: ClusterPlace): void => {
      if (compareToRange(place.cluster, range) >= 0) high = Math.min(high, place.start);
      else if (place.end > low.end) low = place;
    };
    for (const place of this.#known) note(place);
    for (let step = PAGE_BYTES; high - low.end > PAGE_BYTES; step *= 2) {
      const half = Math.floor((low.end + high) / 2);
      // The mixed one is the last one: from the end it is not far.
      const middle = range.customer === null ? Math.max(half, high - step) : half;
      const start = await this.#lines.nextStart(middle, high);
      if (start === undefined) {
        high = middle;
        continue;
      }
      const place = await this.#placeAt(start);
      note(place);
      this.#known.push(place);
    }
    return low;
  }

  /** The place that follows one; undefined at the end. */
  async #after({ end, dataEnd, cluster }: Place): Promise<ClusterPlace | undefined> {
    if (end === this.#lines.size) {
      if (dataEnd !== this.#dataEnd) throw new IndexDamageError();
      return undefined;
    }
    const next = await this.#placeAt(end);
    const isOrdered = cluster === undefined || compareClusters(cluster, next.cluster) < 0;
    const isAdjacent = next.cluster.offset === dataEnd + encodeLine(nameOf(next.cluster)).length;
    if (!isOrdered || !isAdjacent) throw new IndexDamageError();
    return next;
  }

  async #placeAt(start: number): Promise<ClusterPlace> {
    const line = await this.#lines.lineAt(start);
    const cluster = line === undefined ? undefined : parseIndexLine(line);
    if (line === undefined || !isCluster(cluster)) throw new IndexDamageError();
    return { start, end: start + line.length + 1, dataEnd: cluster.offset + cluster.bytes, cluster };
  }
}
