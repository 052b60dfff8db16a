import { identityFields, type UsageEvent } from '../../../shared/event.ts';
import { AppError } from '../../errors.ts';
import { lockDirectory, type DirectoryLock } from '../directory-lock.ts';
import type {
  AppendOutcome,
  BatchContents,
  BatchIdentity,
  Damage,
  EventStore,
  Rejection,
  StoreHealth,
  StoreSnapshot,
  StoreTotals,
} from '../event-store.ts';
import { BatchIndex, type LineLocation } from './batch-index.ts';
import { encodeBatchBody, numberedEvents, parseBatchLine, type BatchLine } from './batch-line.ts';
import { openDataDir, type DataDir } from './data-dir.ts';
import { Manifest } from './manifest.ts';
import { recover, type Recovered } from './recovery.ts';
import { RunningTotals } from './running-totals.ts';
import { readLines } from './segment-lines.ts';
import { SegmentWriter, WRITER_DEFAULTS, type SegmentWriterOptions } from './segment-writer.ts';

const MAX_DAMAGE_REPORTS = 100;

/** The embedded engine: append-only files of JSON lines, one process, one machine. */
export class SegmentEventStore implements EventStore {
  readonly #dir: DataDir;
  readonly #lock: DirectoryLock;
  readonly #manifest: Manifest;
  readonly #index: BatchIndex;
  readonly #totals: RunningTotals;
  readonly #writer: SegmentWriter;
  readonly #dropped: Recovered['dropped'];
  readonly #damage: readonly Damage[];
  /** Batches being stored, and those they were split from: settled when their outcome is known. */
  readonly #claims = new Map<string, Promise<void>>();
  #position: number;

  private constructor(
    dir: DataDir,
    lock: DirectoryLock,
    manifest: Manifest,
    index: BatchIndex,
    totals: RunningTotals,
    writer: SegmentWriter,
    { lastPosition, dropped, damage }: Recovered,
  ) {
    this.#dir = dir;
    this.#lock = lock;
    this.#manifest = manifest;
    this.#index = index;
    this.#totals = totals;
    this.#writer = writer;
    this.#position = lastPosition;
    this.#dropped = dropped;
    this.#damage = damage.slice(0, MAX_DAMAGE_REPORTS);
  }

  /**
   * Opens the store in a folder, making it if need be, and recovers from whatever ended it last.
   *
   * @throws Error in words for the operator if another process has it, or its manifest is damaged.
   */
  static async open(
    root: string,
    nowMs: number,
    options: SegmentWriterOptions = WRITER_DEFAULTS,
  ): Promise<SegmentEventStore> {
    const dir = await openDataDir(root);
    const lock = await lockDirectory(dir.root, dir.lock);
    let manifest: Manifest | undefined;
    try {
      manifest = await Manifest.open(dir.manifest, nowMs);
      const index = new BatchIndex();
      const totals = new RunningTotals();
      const found = await recover(dir, manifest, index, totals);
      const { active, lastNumber, lastPosition } = found;
      const writer = await SegmentWriter.open(dir, manifest, options, active, lastNumber, lastPosition);
      return new SegmentEventStore(dir, lock, manifest, index, totals, writer, found);
    } catch (error) {
      await manifest?.close();
      await lock.release();
      throw error;
    }
  }

  async append(identity: BatchIdentity, compose: () => BatchContents): Promise<AppendOutcome> {
    const ids = [identity.batch, ...identity.parents];
    for (;;) {
      const claim = ids.map((id) => this.#claims.get(id)).find((held) => held !== undefined);
      if (claim === undefined) break;
      await claim;
    }
    const known = this.#lookUp(identity);
    if (known !== undefined) return known;

    // No await between the look-up and the claim: nobody else can have come between them.
    const stored = this.#store(identity, compose);
    const claim = stored.then(ignore, ignore);
    for (const id of ids) this.#claims.set(id, claim);
    try {
      return await stored;
    } finally {
      for (const id of ids) this.#claims.delete(id);
    }
  }

  snapshot(): StoreSnapshot {
    const active = this.#writer.active;
    const segments = this.#manifest.segments.map(({ number, length }) => ({
      path: this.#dir.segment(number),
      length: number === active.number ? active.length : (length ?? 0),
      dropped: this.#dropped.get(number) ?? [],
    }));
    return { engine: 'file', position: this.#position, segments };
  }

  health(): StoreHealth {
    return { isWritable: this.#writer.isWritable, damage: this.#damage };
  }

  totals(): Promise<StoreTotals> {
    return Promise.resolve(this.#totals.value);
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#manifest.close();
    await this.#lock.release();
  }

  async #store(identity: BatchIdentity, compose: () => BatchContents): Promise<AppendOutcome> {
    const contents = compose();
    await this.#writer.append(encodeBatchBody(identity, contents), (placed) => {
      this.#index.set(identity.batch, placed);
      for (const parent of identity.parents) this.#index.set(parent, 'split');
      this.#totals.add(contents.ledger, contents.rejected.length);
      this.#position = placed.position;
    });
    return { kind: 'stored', isNew: true, rejected: contents.rejected };
  }

  /** The outcome for a batch that can't be new, or undefined; synchronous up to that decision. */
  #lookUp(identity: BatchIdentity): Promise<AppendOutcome> | undefined {
    const own = this.#index.get(identity.batch);
    if (own === 'split') return Promise.resolve({ kind: 'split' });
    if (own !== undefined) return this.#replay(own, identity);
    for (const [index, parent] of identity.parents.entries()) {
      const whole = this.#index.get(parent);
      if (whole === undefined || whole === 'split') continue;
      return this.#replayPart(whole, identity, identity.parents.slice(0, index));
    }
    return undefined;
  }

  async #replay(location: LineLocation, { fingerprint }: BatchIdentity): Promise<AppendOutcome> {
    const line = await this.#readLine(location);
    if (line.fingerprint !== fingerprint) return { kind: 'conflict' };
    return { kind: 'stored', isNew: false, rejected: line.rejected ?? [] };
  }

  /**
   * The outcome that a half had as part of the batch it was split from, numbered from the half's own 0.
   *
   * @param ancestors - The batches that the stored one was itself split from, as the half names them.
   */
  async #replayPart(
    location: LineLocation,
    { offset, events }: BatchIdentity,
    ancestors: readonly string[],
  ): Promise<AppendOutcome> {
    const line = await this.#readLine(location);
    const first = offset - (line.offset ?? 0);
    const inPart = (sequence: number): boolean => sequence >= first && sequence < first + events.length;
    const stored = numberedEvents(line).filter(({ sequence }) => inPart(sequence));
    const rejected: Rejection[] = (line.rejected ?? [])
      .filter(({ sequence }) => inPart(sequence))
      .map((rejection) => ({ ...rejection, sequence: rejection.sequence - first }));
    const isPart =
      stored.length + rejected.length === events.length &&
      ancestors.join() === (line.parents ?? []).join() &&
      stored.every(({ event, sequence }) => isSame(event, events[sequence - first]));
    return isPart ? { kind: 'stored', isNew: false, rejected } : { kind: 'conflict' };
  }

  async #readLine({ segment, offset }: LineLocation): Promise<BatchLine> {
    const path = this.#dir.segment(segment);
    let cause: unknown;
    try {
      for await (const [line] of readLines(path, Infinity, { start: offset, chunkBytes: 65_536 })) {
        const parsed = line?.isEnded === true ? parseBatchLine(line.bytes) : undefined;
        if (parsed !== undefined) return parsed;
        break;
      }
    } catch (error) {
      cause = error;
    }
    const message = 'the batch is stored but can not be read';
    throw new AppError('STORE_UNAVAILABLE', message, { cause, retryAfterSeconds: 60 });
  }
}

function isSame(stored: UsageEvent, sent: UsageEvent | undefined): boolean {
  return (
    sent !== undefined && JSON.stringify(identityFields(stored)) === JSON.stringify(identityFields(sent))
  );
}

function ignore(): void {
  // A claim only says that the outcome is known, whatever it is.
}
