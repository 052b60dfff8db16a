import { EMPTY_LEDGER, type Ledger, LEDGER_KEYS } from '../../shared/batch.ts';
import type { Claim, Outcome } from './protocol.ts';

/** An event as the collector has it. */
export interface StoredEvent {
  readonly name: string;
  readonly batch: string;
  readonly sequence: number;
}

/** What is known when delivery has come to rest. */
export interface Evidence {
  /** What the pages were told of `stored`; an event that is missing here may or may not have been stored. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** What pages were told to track, by prefix: so many events, numbered from 0. Killed ones tracked some of them. */
  readonly ordered: ReadonlyMap<string, number>;
  readonly arrived: readonly StoredEvent[];
  /** Batches that came again with other events. */
  readonly conflicts: readonly string[];
  /** What pages were told of `delivered`. */
  readonly claims: readonly Claim[];
  /** What the device says it has lost; undefined if no page could be asked. */
  readonly ledger: Ledger | undefined;
  /** The sums of what the batches said. */
  readonly reported: Ledger;
  /** What is still queued; undefined if no page could be asked. */
  readonly queued: number | undefined;
  /** Errors that nobody handled. */
  readonly faults: readonly string[];
  /** Events that a scenario put outside the guarantee: they may be missing, uncounted, but never be there twice. */
  readonly excused: ReadonlySet<string>;
  /** What else a scenario has found wrong. */
  readonly findings: readonly string[];
  /** What should be known besides, though it is not wrong. */
  readonly remarks: readonly string[];
}

export interface Judgement {
  readonly tracked: number;
  /** Different events that the collector has. */
  readonly delivered: number;
  /** Copies beyond the first. */
  readonly duplicates: number;
  /** Events that the device has counted as lost. */
  readonly ledger: number;
  /** Empty: all is well. */
  readonly problems: readonly string[];
  readonly remarks: readonly string[];
}

/**
 * Whether nothing was lost but what is counted, and nothing is there twice.
 *
 * What was stored on the device has arrived or is counted in the ledger; what was never confirmed as stored may or
 * may not have arrived; the ledger counts no more than what is missing, and the batches say the same as the device.
 */
export function judge(evidence: Evidence): Judgement {
  const { arrived, outcomes, ledger = EMPTY_LEDGER, ordered } = evidence;
  const delivered = new Set(arrived.map(({ name }) => name));
  const known = new Set([...ordered].flatMap(([prefix, count]) => namesOf(prefix, count)));
  const problems = [
    ...evidence.findings,
    ...evidence.faults.map((fault) => `not handled: ${fault}`),
    ...named('stored under two identities', doubled(arrived)),
    ...named('batches that came again with other events', evidence.conflicts),
    ...named(
      'stored, but never tracked',
      [...delivered].filter((name) => !known.has(name)),
    ),
    ...judgeLosses(evidence, known, delivered),
    ...judgeClaims(evidence.claims, arrived),
    ...judgeReports(evidence),
  ];
  if (evidence.queued === undefined) problems.push('no page could be asked what is queued');
  else if (evidence.queued > 0) problems.push(`still queued: ${evidence.queued} events`);
  return {
    tracked: new Set([...outcomes.keys(), ...delivered]).size,
    delivered: delivered.size,
    duplicates: arrived.length - delivered.size,
    ledger: LEDGER_KEYS.reduce((sum, key) => sum + ledger[key], 0),
    problems,
    remarks: evidence.remarks,
  };
}

/** The names of the events that a page tracks under a prefix. */
export function namesOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** Compares what is missing with what is counted. */
function judgeLosses(
  { outcomes, ledger = EMPTY_LEDGER, excused }: Evidence,
  known: ReadonlySet<string>,
  delivered: ReadonlySet<string>,
): string[] {
  const isMissing = (name: string): boolean =>
    !delivered.has(name) && !excused.has(name) && outcomes.get(name) !== 'discarded';
  // Of what was never confirmed, nobody can say whether it should be there.
  const missing = [...outcomes.keys()].filter(isMissing);
  const counted = ledger.dropped + ledger.expired + ledger.rejected;
  const problems: string[] = [];
  // An unconfirmed event may have arrived: it explains a missing one, but does not demand it.
  if (missing.length > counted + ledger.unconfirmed) {
    const isStored = (name: string): boolean => outcomes.get(name) === 'stored';
    problems.push(
      `${missing.length} events are missing, ${counted + ledger.unconfirmed} are counted`,
      ...named('stored on the device, but missing', missing.filter(isStored)),
      ...named(
        'never stored, and missing',
        missing.filter((name) => !isStored(name)),
      ),
    );
  }
  const absent = [...known].filter(isMissing).length;
  if (counted > absent) problems.push(`${counted} events are counted as lost, ${absent} are missing`);
  return problems;
}

/** A page must not be told of a delivery that did not happen. */
function judgeClaims(claims: readonly Claim[], arrived: readonly StoredEvent[]): string[] {
  const places = new Map(arrived.map(({ name, batch, sequence }) => [`${batch} ${sequence}`, name]));
  const delivered = new Set(arrived.map(({ name }) => name));
  // The half of a batch that had been stored as a whole is acknowledged under its own id, which is stored nowhere.
  const isTrue = ({ name, batch, sequence }: Claim): boolean =>
    (places.get(`${batch} ${sequence}`) ?? name) === name && delivered.has(name);
  const wrong = claims.filter((claim) => !isTrue(claim));
  return named(
    'told to be delivered, but not there',
    wrong.map(({ name }) => name),
  );
}

/** What the batches report must be what the device has counted. */
function judgeReports({ excused, ledger, reported }: Evidence): string[] {
  // A storage that was cleared took its ledger along, but not what had been reported before.
  if (ledger === undefined || excused.size > 0) return [];
  return LEDGER_KEYS.filter((key) => reported[key] !== ledger[key]).map(
    (key) => `the batches report ${reported[key]} ${key}, the device ${ledger[key]}`,
  );
}

function doubled(arrived: readonly StoredEvent[]): string[] {
  const seen = new Set<string>();
  return arrived.map(({ name }) => name).filter((name) => seen.size === seen.add(name).size);
}

/** A problem with the first few of those that have it; none if there are none. */
function named(problem: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > 5 ? ', …' : '';
  return [`${problem}: ${names.length} (${names.slice(0, 5).join(', ')}${more})`];
}
