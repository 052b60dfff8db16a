import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { UsageEvent } from '../../shared/event.ts';
import type { ReportFilter } from '../../shared/report.ts';
import { erasedKey, erasureOf, type Erasure } from '../../server/store/erasure.ts';
import type { Damage, ErasureRequest } from '../../server/store/event-store.ts';
import type { StoredEvent } from '../support/read-rows.ts';
import type { CompactionOptions } from '../../server/store/segments/compaction/compactor.ts';
import { runCompaction } from '../../server/store/segments/compaction/run-compaction.ts';
import type { SegmentEventStore } from '../../server/store/segments/segment-event-store.ts';
import { SEAL_LIMITS } from '../../server/store/segments/sealed/seal-limits.ts';
import { verifyStore } from '../../server/store/open-store.ts';
import { anEvent, type ABatch } from '../support/events.ts';
import { openSmall } from '../support/full-store.ts';
import { readWithin } from '../support/read-rows.ts';
import { aBatchNow, compareEvents, NOW } from '../support/sealed-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const HOUR = 3_600_000;
const BATCHES = 700;
const WRITERS = 4;
const REPORTERS = 3;
const BATCHES_A_REPORT = 4;
/** Every batch has an event of it that is neither erased nor expires: its row tells the batch's position. */
const WITNESS = 'WITNESS';
const CUSTOMERS = ['KEPT', 'GONE-0', 'GONE-1', 'KEYED'];
const PRODUCTS = ['P', 'Q'];
const TYPES = ['T', 'U'];
const KEY = { name: 'who', value: 'somebody', places: { P: { T: 0, U: 0 }, Q: { T: 0 } } };

/** Repeatable, though what happens at once is not. */
class Chance {
  #state = 1;

  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * end);
  }

  of<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('there is none');
    return item;
  }
}

/** What a report found, and what counted when it began. */
interface Report {
  readonly filter: ReportFilter;
  readonly position: number;
  readonly expiredBefore: number;
  /** How many erasures were in force. */
  readonly erasures: number;
  readonly events: readonly StoredEvent[];
}

/** Few clusters of their own, so that there are mixed ones, too. */
const COMPACTION: CompactionOptions = {
  run: (task) =>
    runCompaction(task.kind === 'seal' ? { ...task, limits: { ...SEAL_LIMITS, maxClusters: 9 } } : task),
  onFailure: (error) => {
    throw error;
  },
  retryMs: [1 << 30, 1 << 30],
  now: () => 0,
};

class AllAtOnce {
  readonly folder: string;
  readonly store: SegmentEventStore;
  readonly #chance = new Chance();
  readonly batches: ABatch[] = [];
  readonly reports: Report[] = [];
  readonly erasures: Erasure[] = [];
  readonly damage: Damage[] = [];
  #appending = 0;
  #acknowledged = 0;
  #isErasing = false;
  #isOver = false;

  constructor(folder: string, store: SegmentEventStore) {
    this.folder = folder;
    this.store = store;
  }

  async run(): Promise<void> {
    const writers = Promise.all(Array.from({ length: WRITERS }, () => this.#write()));
    const others = [
      this.#erase(),
      this.#expire(),
      ...Array.from({ length: REPORTERS }, () => this.#report()),
    ];
    try {
      await Promise.all([writers, ...others]);
    } finally {
      // Whoever waits for what will not come any more ends, too.
      this.#isOver = true;
    }
    await this.store.roll();
    await this.store.compacted();
  }

  async #write(): Promise<void> {
    while (this.batches.length < BATCHES && !this.#isOver) {
      // Reports keep up, however slow the machine.
      const isAhead = this.batches.length > 20 + this.reports.length * BATCHES_A_REPORT;
      if (this.#isErasing || isAhead) {
        await tick();
        continue;
      }
      const batch = this.#newBatch();
      this.batches.push(batch);
      this.#appending++;
      await this.store.append(batch.identity, () => batch.contents);
      this.#appending--;
      this.#acknowledged++;
    }
  }

  /** Erases now and then; nothing is appended until the erasure is in force, so that its position is known. */
  async #erase(): Promise<void> {
    const requests: readonly ErasureRequest[] = [
      { customer: 'GONE-0' },
      { customer: 'KEYED', key: KEY },
      { customer: 'GONE-1', before: NOW + 5 * HOUR },
      { customer: 'GONE-0' },
    ];
    for (const [number, request] of requests.entries()) {
      await this.#until(((number + 1) * BATCHES) / 5);
      this.#isErasing = true;
      while (this.#appending > 0 && !this.#isOver) await tick();
      const { key, ...rest } = request;
      const erasure = { number: number + 1, askedMs: 7, position: this.store.position(), ...rest };
      this.erasures.push(key === undefined ? erasure : { ...erasure, key: erasedKey(key, 'salt') });
      await this.store.erase(request, 7);
      this.#isErasing = false;
    }
  }

  async #expire(): Promise<void> {
    for (let hour = 1; hour <= 8; hour++) {
      await this.#until((hour * BATCHES) / 9);
      await this.store.expire(NOW + hour * HOUR);
    }
  }

  async #report(): Promise<void> {
    do {
      // Of an empty store a report reads no file, and would let nobody else go on.
      await tick();
      const snapshot = this.store.snapshot(this.store.position() - this.#chance.of([0, 0, 3, 40]));
      const erasures = this.store.erasures().length;
      const filter = this.#filter();
      const limits = {
        maxRuns: this.#chance.of([1, 3, 32]),
        readBytes: this.#chance.of([1, 2_000, 100_000]),
        arenaBytes: this.#chance.of([1_000, 10_000, 1_000_000]),
        logChunkBytes: this.#chance.of([500, 100_000]),
        maxSpilledRuns: this.#chance.of([2, 32]),
      };
      const { events, damage } = await readWithin(limits, snapshot, filter);
      this.store.release(snapshot);
      const { position, expiredBefore } = snapshot;
      this.reports.push({ filter, position, expiredBefore, erasures, events });
      this.damage.push(...damage);
    } while (this.#acknowledged < BATCHES && !this.#isOver);
  }

  #filter(): ReportFilter {
    const chance = this.#chance;
    return {
      customer: chance.of([...CUSTOMERS, WITNESS]),
      product: chance.of(PRODUCTS),
      ...(chance.below(5) === 0 && { types: [chance.of(TYPES)] }),
      ...(chance.below(5) === 0 && { start: NOW + chance.below(12) * HOUR }),
      ...(chance.below(5) === 0 && { end: NOW + chance.below(12) * HOUR }),
    };
  }

  #newBatch(): ABatch {
    const chance = this.#chance;
    const count = this.batches.length;
    const time = (): number => NOW + Math.floor((count / BATCHES) * 12 * HOUR) - chance.below(3) * HOUR;
    const events = Array.from({ length: 1 + chance.below(6) }, (): UsageEvent =>
      anEvent({
        customer: chance.of(CUSTOMERS),
        product: chance.of(PRODUCTS),
        type: chance.of(TYPES),
        // Few different ones, and some far from the day on which they come.
        timestamp: chance.below(20) === 0 ? NOW + 90 * 24 * HOUR + chance.below(3) : time(),
        context: [chance.of(['somebody', 'nobody']), null, 'a "text"'],
      }),
    );
    const witness = anEvent({ customer: WITNESS, product: 'P', type: 'T', timestamp: NOW + 20 * HOUR });
    return aBatchNow([...events, witness]);
  }

  async #until(count: number): Promise<void> {
    while (this.#acknowledged < count && !this.#isOver) await tick();
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function positionsOf(store: SegmentEventStore): Promise<ReadonlyMap<string, number>> {
  const filter = { customer: WITNESS, product: 'P' };
  const snapshot = store.snapshot();
  const { events, damage } = await readWithin({}, snapshot, filter);
  store.release(snapshot);
  expect(damage).toEqual([]);
  return new Map(events.map(({ batch, position }) => [batch, position]));
}

/** What a list of all events would give. */
function expected(all: readonly StoredEvent[], erasures: readonly Erasure[], report: Report) {
  const { customer, product, types = TYPES, start = 0, end = Infinity } = report.filter;
  const inForce = erasures.slice(0, report.erasures);
  return all.filter(
    (event) =>
      event.customer === customer &&
      event.product === product &&
      types.includes(event.type) &&
      event.timestamp >= Math.max(start, report.expiredBefore) &&
      event.timestamp <= end &&
      event.position <= report.position &&
      erasureOf(inForce, event, event.position) === undefined,
  );
}

describe('a store that does everything at once', () => {
  it('gives each report the batches up to its position, less what was erased or had expired', async () => {
    const folder = await tempFolder();
    const store = await openSmall(folder, COMPACTION);
    onTestFinished(() => store.close());
    const all = new AllAtOnce(folder, store);

    await all.run();

    expect(all.damage).toEqual([]);
    const positions = await positionsOf(store);
    expect(positions.size).toBe(BATCHES);
    const events = all.batches
      .flatMap(({ identity: { batch, events: sent } }) =>
        sent.flatMap((event, sequence) =>
          event === undefined ? [] : [{ ...event, batch, sequence, position: positions.get(batch) ?? NaN }],
        ),
      )
      .toSorted(compareEvents);
    for (const report of all.reports) expect(report.events).toEqual(expected(events, all.erasures, report));
    // It did happen at once.
    const found = new Set(all.reports.map((report) => `${report.erasures} ${report.expiredBefore}`));
    expect(found.size).toBeGreaterThan(8);
    expect(all.reports.filter((report) => report.events.length > 0).length).toBeGreaterThan(20);
    // What is left on the disk says the same.
    expect(store.erasures().every(({ doneMs }) => doneMs !== undefined)).toBe(true);
    expect((await readdir(path.join(folder, 'sealed'))).length).toBeLessThan(60);
    expect(existsSync(path.join(folder, 'quarantine'))).toBe(false);
    for await (const { damage } of verifyStore(`file:${folder}`)) expect(damage).toEqual([]);
    for (const customer of [...CUSTOMERS, WITNESS]) {
      for (const product of PRODUCTS) {
        const filter = { customer, product };
        const snapshot = store.snapshot();
        const { events: last } = await readWithin({}, snapshot, filter);
        const { position, expiredBefore } = snapshot;
        const report = { filter, position, expiredBefore, erasures: all.erasures.length, events: last };
        expect(last).toEqual(expected(events, all.erasures, report));
        store.release(snapshot);
      }
    }
  }, 120_000);
});
