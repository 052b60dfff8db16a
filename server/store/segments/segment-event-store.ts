import { randomUUID } from 'node:crypto';
import { lockDirectory, type DirectoryLock } from '../directory-lock.ts';
import type {
  AppendOutcome,
  BatchContents,
  BatchIdentity,
  Damage,
  ErasureProgress,
  ErasureRequest,
  EventStore,
  StoreHealth,
  StoreSnapshot,
  StoreTotals,
} from '../event-store.ts';
import { BatchIndex } from './ids/batch-index.ts';
import { encodeBatchBody } from './batch-line.ts';
import { Compactor, type CompactionOptions } from './compaction/compactor.ts';
import { openDataDir, type DataDir } from './data-dir.ts';
import { RETRY_AFTER_SECONDS, unavailable } from '../../disk-errors.ts';
import { FilePins } from './file-pins.ts';
import { KnownBatches } from './known-batches.ts';
import { timesOf } from './manifest-records.ts';
import { Manifest } from './manifest.ts';
import { openIdFiles } from './open-id-files.ts';
import { quarantined, recover, type Recovered } from './recovery.ts';
import { Removal } from './removal.ts';
import { RunningTotals } from './running-totals.ts';
import { SegmentWriter, WRITER_DEFAULTS, type SegmentWriterOptions } from './segment-writer.ts';

const MAX_DAMAGE_REPORTS = 100;

interface Parts {
  readonly dir: DataDir;
  readonly lock: DirectoryLock;
  readonly manifest: Manifest;
  readonly index: BatchIndex;
  readonly totals: RunningTotals;
  readonly writer: SegmentWriter;
  readonly recovered: Recovered;
  readonly compaction: CompactionOptions | undefined;
}

/** The embedded engine: files of JSON lines, one process, one machine. */
export class SegmentEventStore implements EventStore {
  readonly #parts: Parts;
  readonly #known: KnownBatches;
  readonly #pins = new FilePins();
  readonly #compactor: Compactor | undefined;
  readonly #removal: Removal;
  readonly #damage: Damage[];
  /** Batches being stored, and those they were split from: settled when their outcome is known. */
  readonly #claims = new Map<string, Promise<AppendOutcome>>();
  #position: number;
  #newestMs: number;
  #activeSegment: number;
  #isReopening = false;

  private constructor(parts: Parts) {
    const { dir, manifest, index, writer, recovered, compaction } = parts;
    const { idFiles, dropped, damage, lastPosition } = recovered;
    this.#parts = parts;
    this.#known = new KnownBatches(dir, index);
    this.#position = lastPosition;
    // Of what is sealed only the events' own times are known here; they lie at most two days ahead.
    const sealed = [...manifest.files.sealed.values()].map(({ to }) => to ?? 0);
    this.#newestMs = Math.max(recovered.newestMs, ...sealed);
    this.#activeSegment = writer.active.number;
    this.#damage = damage.slice(0, MAX_DAMAGE_REPORTS);
    this.#removal = new Removal({
      dir,
      manifest,
      writer,
      wake: () => this.#compactor?.wake(),
      onFailure: compaction?.onFailure ?? ignore,
      obstacleTo: (erasure) => this.#compactor?.obstacleTo(erasure),
    });
    if (compaction === undefined) return;
    const onDamage = (found: readonly Damage[]): void => {
      this.#damage.push(...found.slice(0, MAX_DAMAGE_REPORTS - this.#damage.length));
    };
    const pins = this.#pins;
    const epoch = randomUUID();
    const lastNumber = recovered.lastNumbers.sealed;
    const deps = { dir, manifest, index, idFiles, pins, dropped, onDamage, epoch, lastNumber };
    this.#compactor = new Compactor(deps, compaction);
    this.#compactor.wake();
  }

  /**
   * Opens the store in a folder, making it if need be, and recovers from whatever ended it last.
   *
   * @param compaction - How closed log segments are sealed and merged; they stay as they are without.
   * @throws Error in words for the operator if another process has it, or its manifest is damaged.
   */
  static async open(
    root: string,
    nowMs: number,
    options: SegmentWriterOptions = WRITER_DEFAULTS,
    compaction?: CompactionOptions,
  ): Promise<SegmentEventStore> {
    const dir = await openDataDir(root);
    const lock = await lockDirectory(dir.root, dir.lock);
    const index = new BatchIndex();
    let manifest: Manifest | undefined;
    try {
      manifest = await Manifest.open(dir, nowMs);
      const totals = new RunningTotals();
      const recovered = await recover(dir, manifest, index, totals);
      const { active, lastNumbers, lastPosition } = recovered;
      const writer = await SegmentWriter.open(
        dir,
        manifest,
        options,
        active,
        lastNumbers.segment,
        lastPosition,
      );
      const parts = { dir, lock, manifest, index, totals, writer, recovered, compaction };
      const store = new SegmentEventStore(parts);
      store.#removal.goOn();
      return store;
    } catch (error) {
      await index.close();
      await manifest?.close();
      await lock.release();
      throw error;
    }
  }

  async append(identity: BatchIdentity, compose: () => BatchContents): Promise<AppendOutcome> {
    const ids = [identity.batch, ...identity.parents];
    for (let claim = this.#claimOn(ids); claim !== undefined; claim = this.#claimOn(ids))
      await claim.then(ignore, ignore);
    const known = this.#known.recent(identity);
    if (known !== undefined) return known;

    // No await between the look-up and the claim: nobody else can have come between them.
    const stored = this.#store(identity, compose);
    for (const id of ids) this.#claims.set(id, stored);
    try {
      return await stored;
    } finally {
      for (const id of ids) this.#claims.delete(id);
    }
  }

  expiredBefore(): number {
    return this.#parts.manifest.files.expiredBefore;
  }

  newestMs(): number {
    return this.#newestMs;
  }

  async keptAside(): Promise<number> {
    return (await quarantined(this.#parts.dir)).length;
  }

  position(): number {
    return this.#position;
  }

  snapshot(position = this.#position): StoreSnapshot {
    const { dir, manifest, writer, recovered } = this.#parts;
    const { active } = writer;
    const { files } = manifest;
    const segments = [...files.segments.values()].map(({ number, length }) => ({
      path: dir.segment(number),
      length: number === active.number ? active.length : (length ?? 0),
      dropped: recovered.dropped.get(number) ?? [],
    }));
    const sealed = [...files.sealed.values()]
      .filter(({ firstPosition }) => firstPosition <= position)
      .map((entry) => ({ files: dir.sealedPair(entry.number), times: timesOf(entry) }));
    const { expiredBefore } = files;
    const erasures = [...files.pendingErasures.values()];
    const snapshot: StoreSnapshot = { engine: 'file', position, segments, sealed, expiredBefore, erasures };
    this.#pins.pin(snapshot);
    return snapshot;
  }

  release(snapshot: StoreSnapshot): void {
    void this.#pins.release(snapshot);
  }

  expire(beforeMs: number): Promise<void> {
    return this.#removal.expire(beforeMs);
  }

  erase(request: ErasureRequest, nowMs: number): Promise<number> {
    // What is being written now has a later position, whenever it was received.
    return this.#removal.erase(request, nowMs, () => this.#position);
  }

  erasures(): readonly ErasureProgress[] {
    return this.#removal.erasures();
  }

  health(): StoreHealth {
    return { isWritable: this.#parts.writer.isWritable && this.#areIdsReadable, damage: this.#damage };
  }

  totals(): Promise<StoreTotals> {
    return Promise.resolve(this.#parts.totals.value);
  }

  /** Closes the active log segment, so that it is sealed. */
  async roll(): Promise<void> {
    await this.#parts.writer.roll();
    this.#compactor?.wake();
  }

  /** Resolves when all that is closed is sealed and merged; not while something fails. */
  async compacted(): Promise<void> {
    await this.#removal.settled();
    await this.#compactor?.settled();
  }

  async close(): Promise<void> {
    const { writer, manifest, index, lock } = this.#parts;
    this.#removal.close();
    await writer.close();
    await this.#compactor?.close();
    await index.close();
    await manifest.close();
    await lock.release();
  }

  /** Without an id file nobody can say whether a batch is new. */
  get #areIdsReadable(): boolean {
    return this.#parts.recovered.unreadableIds.size === 0;
  }

  /** Tries again to open the id files that could not be opened: for want of room, or because somebody mended them. */
  async #reopenIds(): Promise<void> {
    if (this.#isReopening) return;
    this.#isReopening = true;
    const { dir, manifest, index, recovered } = this.#parts;
    const { idFiles, unreadableIds } = recovered;
    await openIdFiles(dir, manifest, idFiles, index, []);
    for (const number of unreadableIds) if (idFiles.has(number)) unreadableIds.delete(number);
    setTimeout(() => (this.#isReopening = false), RETRY_AFTER_SECONDS * 1_000).unref();
  }

  #claimOn(ids: readonly string[]): Promise<AppendOutcome> | undefined {
    for (const id of ids) {
      const claim = this.#claims.get(id);
      if (claim !== undefined) return claim;
    }
    return undefined;
  }

  async #store(identity: BatchIdentity, compose: () => BatchContents): Promise<AppendOutcome> {
    const { index, totals, writer } = this.#parts;
    // What is read below may be from before a file came back.
    const canTell = this.#areIdsReadable;
    if (this.#known.mayBeOlder(identity)) {
      const older = await this.#known.older(identity);
      if (older !== undefined) return older;
    }
    if (!canTell) {
      void this.#reopenIds();
      throw unavailable('the ids of what is stored can not be read');
    }
    const contents = compose();
    await writer.append(encodeBatchBody(identity, contents), (placed) => {
      index.recent.set(identity.batch, placed);
      for (const parent of identity.parents) index.recent.setSplit(parent, placed.segment);
      totals.add(contents.ledger, contents.rejected.length);
      this.#position = placed.position;
      this.#newestMs = Math.max(this.#newestMs, contents.received);
      if (placed.segment !== this.#activeSegment) this.#compactor?.wake();
      this.#activeSegment = placed.segment;
    });
    if (this.#removal.isRollDue) this.#removal.goOn();
    const rejected = contents.rejected.map(({ sequence, code, path }) => ({ sequence, code, path }));
    return { kind: 'stored', isNew: true, rejected };
  }
}

function ignore(): void {
  // A claim only says that the outcome is known, whatever it is.
}
