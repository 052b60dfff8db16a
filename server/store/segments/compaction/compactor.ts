import type { Erasure } from '../../erasure.ts';
import type { Damage } from '../../event-store.ts';
import type { BatchIndex } from '../ids/batch-index.ts';
import type { FilePair } from '../batch-record.ts';
import { choicesBeforeEnd, compactionChoices, type CompactionChoice } from './choose-compaction.ts';
import { CompactionFailures, obstacleText } from './compaction-failures.ts';
import {
  giveNames,
  retirePair,
  retireSealed,
  retireSegment,
  withOutputs,
  type Output,
} from './compaction-files.ts';
import type { CompactionAnswer, CompactionRunner, CompactionTask } from './compaction-task.ts';
import type { DataDir } from '../data-dir.ts';
import type { FilePins } from '../file-pins.ts';
import { IdFile } from '../ids/id-file.ts';
import type { Manifest } from '../manifest.ts';
import { idsEntry, sealedEntry, type ManifestRecord, type SealedEntry } from '../manifest-records.ts';
import { Pause } from './pause.ts';

export interface CompactionOptions {
  readonly run: CompactionRunner;
  /** Told of each attempt that failed; it is made again later. */
  readonly onFailure: (error: unknown) => void;
  /** Waits between attempts after a failure, in milliseconds: the first, and the longest. */
  readonly retryMs: readonly [number, number];
  readonly now: () => number;
}

export interface CompactorDependencies {
  readonly dir: DataDir;
  readonly manifest: Manifest;
  readonly index: BatchIndex;
  /** The id files in force that could be opened, by number. */
  readonly idFiles: Map<number, IdFile>;
  readonly pins: FilePins;
  /** By log segment, the offsets of lines that are not in force. */
  readonly dropped: Map<number, readonly number[]>;
  /** Told of what was found damaged. */
  readonly onDamage: (damage: readonly Damage[]) => void;
  /** Name of this owner's temporary files: what a process of an earlier one still writes is never mistaken. */
  readonly epoch: string;
  /** The highest number that a sealed segment or an id file has had, in force or not. */
  readonly lastNumber: number;
}

/**
 * Seals closed log segments and merges what is small, one task at a time, for as long as there is any.
 *
 * The work is done elsewhere, on files that do not count. Here they get their names, one record of the
 * manifest puts them in force in the place of others, and then those go. A crash at any point leaves
 * the old ones or the new ones in force.
 */
export class Compactor {
  readonly #deps: CompactorDependencies;
  readonly #options: CompactionOptions;
  readonly #stop = new AbortController();
  readonly #failures = new CompactionFailures();
  /** Segments that were sealed, or tried, since anything else was. */
  #sealedInARow = 0;
  /** Shortened by new work, and by the end of everything. */
  readonly #pause = new Pause(this.#stop.signal);
  #nextNumber: number;
  #running: Promise<void> | undefined;
  #isAsked = false;

  constructor(deps: CompactorDependencies, options: CompactionOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#nextNumber = deps.lastNumber + 1;
  }

  /** Looks for work, now or after what is under way. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#isAsked = true;
    this.#pause.end();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#isAsked) this.wake();
    });
  }

  /** Resolves when there is nothing to do; not while something fails. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** What keeps an erasure from its end, in words for the operator; undefined if nothing does but time. */
  obstacleTo(erasure: Erasure): string | undefined {
    const { dir, manifest } = this.#deps;
    for (const choice of choicesBeforeEnd(manifest.files, erasure)) {
      const reason = this.#failures.reasonOf(choice);
      if (reason !== undefined) return obstacleText(dir, choice, reason);
    }
    return undefined;
  }

  /** Ends what is under way; it is begun anew at the next start. */
  async close(): Promise<void> {
    this.#isAsked = false;
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    let [waitMs] = this.#options.retryMs;
    let untilMs = 0;
    while (!this.#stop.signal.aborted) {
      this.#isAsked = false;
      const choice = this.#choose();
      if (choice !== undefined) {
        await this.#try(choice);
      } else if (this.#failures.isEmpty) {
        return;
      } else {
        // New work ends the pause, but what has failed waits until it is over.
        untilMs ||= performance.now() + waitMs;
        await this.#pause.wait(untilMs - performance.now());
        if (performance.now() < untilMs) continue;
        untilMs = 0;
        waitMs = Math.min(waitMs * 2, this.#options.retryMs[1]);
        this.#failures.endRound();
      }
    }
  }

  /** The first task that has not failed in this round: one that can't be done holds up no other. */
  #choose(): CompactionChoice | undefined {
    for (const choice of compactionChoices(this.#deps.manifest.files, this.#sealedInARow)) {
      if (!this.#failures.has(choice)) return choice;
    }
    return undefined;
  }

  async #try(choice: CompactionChoice): Promise<void> {
    this.#sealedInARow = choice.kind === 'seal' ? this.#sealedInARow + 1 : 0;
    try {
      await this.#perform(choice);
      this.#failures.forget(choice);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failures.add(choice, error);
      this.#options.onFailure(error);
    }
  }

  async #perform(choice: CompactionChoice): Promise<void> {
    switch (choice.kind) {
      case 'seal':
        return this.#seal(choice.segment);
      case 'merge':
        return this.#merge(choice.from);
      case 'merge-ids':
        return this.#mergeIds(choice.from);
      case 'drop':
        return this.#replace([choice.sealed], { op: 'merge', from: [choice.sealed], sealed: null });
      case 'end-erasure':
        return this.#endErasure(choice.erasure);
    }
  }

  async #seal(segment: number): Promise<void> {
    const { dir, manifest, index, idFiles, pins, dropped } = this.#deps;
    const length = manifest.files.segments.get(segment)?.length ?? 0;
    const source = { path: dir.segment(segment), length, dropped: dropped.get(segment) ?? [] };
    const number = this.#nextNumber++;
    const sealed = this.#output(dir.sealedPair(number));
    const ids = this.#output(dir.idPair(number));
    const task = { kind: 'seal', source, sealed: sealed.temporary, ids: ids.temporary } as const;
    const { answer, idFile } = await withOutputs([sealed, ids], async () => {
      const done = await this.#options.run(task, this.#stop.signal);
      if (done.kind !== 'seal') throw wrongAnswer(task, done);
      await giveNames([sealed, ids]);
      return { answer: done, idFile: await IdFile.open(ids.final) };
    });
    const isDamaged = answer.damage.length > 0;
    await this.#commitIds(idFile, {
      op: 'seal',
      segment,
      sealed: sealedEntry(number, answer.summary, answer.notes, 0),
      ids: idsEntry(number, answer.ids),
      ledger: answer.summary.ledger,
      rejected: answer.summary.rejected,
      ...(isDamaged && { damaged: true }),
    });
    idFiles.set(number, idFile);
    index.addFile(idFile);
    dropped.delete(segment);
    this.#deps.onDamage(answer.damage);
    await index.recent.removeSegment(segment);
    await pins.retire(source.path, () => retireSegment(dir, segment, isDamaged));
  }

  async #merge(from: readonly number[]): Promise<void> {
    const { dir, manifest } = this.#deps;
    const { erasures: all, pendingErasures, expiredBefore } = manifest.files;
    const number = this.#nextNumber++;
    const inputs = from.map((input) => dir.sealedPair(input));
    const output = this.#output(dir.sealedPair(number));
    // Of those that are done nothing is left.
    const erasures = [...pendingErasures.values()];
    const lastErasure = Math.max(0, ...all.keys());
    const without = { erasures, before: expiredBefore };
    const task = { kind: 'merge', inputs, output: output.temporary, without } as const;
    const answer = await withOutputs([output], async () => {
      const done = await this.#options.run(task, this.#stop.signal);
      if (done.kind === 'unchanged') return done;
      if (done.kind !== 'merge') throw wrongAnswer(task, done);
      await giveNames([output]);
      return done;
    });
    if (answer.kind === 'unchanged') {
      for (const entry of from.map((input) => manifest.files.sealed.get(input))) {
        if (entry !== undefined)
          await this.#keep({ ...entry, notes: answer.notes }, lastErasure, expiredBefore);
      }
      return;
    }
    const sealed = sealedEntry(number, answer.summary, answer.notes, lastErasure);
    const damaged = from.filter((input) => answer.damaged.includes(dir.sealedPair(input).data));
    const record = { op: 'merge', from, sealed, erased: answer.erased } as const;
    await this.#replace(from, damaged.length === 0 ? record : { ...record, damaged }, damaged);
    this.#deps.onDamage(answer.damage);
  }

  /** Notes that a sealed segment has nothing that is to go, so that it is not asked about again. */
  async #keep(entry: SealedEntry, erasures: number, expiredBefore: number): Promise<void> {
    const since = (time: number | null): number | null =>
      time === null ? null : Math.max(time, expiredBefore);
    const times = { from: since(entry.from), strayFrom: since(entry.strayFrom) };
    await this.#commit({ op: 'merge', from: [entry.number], sealed: { ...entry, ...times, erasures } });
  }

  async #endErasure(number: number): Promise<void> {
    const events = this.#deps.manifest.files.erasures.get(number)?.events ?? 0;
    await this.#commit({ op: 'erased', number, doneMs: this.#options.now(), events });
  }

  /** Puts another sealed segment, or none, in the place of some. */
  async #replace(
    from: readonly number[],
    record: ManifestRecord,
    damaged: readonly number[] = [],
  ): Promise<void> {
    const { dir, pins } = this.#deps;
    await this.#commit(record);
    for (const number of from) await retireSealed(dir, pins, number, damaged.includes(number));
  }

  async #mergeIds(from: readonly number[]): Promise<void> {
    const { dir, index, idFiles, pins } = this.#deps;
    // One that was refused is not whole; what is merged with it would hide that.
    const unread = from.find((input) => !idFiles.has(input));
    if (unread !== undefined) throw new Error(`${dir.idPair(unread).data} can not be read`);
    const number = this.#nextNumber++;
    const inputs = from.map((input) => dir.idPair(input));
    const output = this.#output(dir.idPair(number));
    const task = { kind: 'merge-ids', inputs, output: output.temporary } as const;
    const { answer, idFile } = await withOutputs([output], async () => {
      const done = await this.#options.run(task, this.#stop.signal);
      if (done.kind !== 'merge-ids') throw wrongAnswer(task, done);
      await giveNames([output]);
      return { answer: done, idFile: await IdFile.open(output.final) };
    });
    await this.#commitIds(idFile, { op: 'merge-ids', from, ids: idsEntry(number, answer.ids) });
    const merged = from.map((input) => idFiles.get(input)).filter((file) => file !== undefined);
    idFiles.set(number, idFile);
    for (const input of from) idFiles.delete(input);
    await index.replaceFiles(merged, idFile);
    for (const pair of inputs) await retirePair(pins, pair);
  }

  /** Puts an id file in force, or lets go of it. */
  async #commitIds(idFile: IdFile, record: ManifestRecord): Promise<void> {
    try {
      await this.#commit(record);
    } catch (error) {
      await idFile.close();
      throw error;
    }
  }

  /**
   * Puts files in force. If that fails it is not known whether a crash would leave them in force, so it is
   * tried until it is done, and until then neither the old nor the new files may go.
   */
  async #commit(record: ManifestRecord): Promise<void> {
    for (;;) {
      try {
        await this.#deps.manifest.append(record);
        return;
      } catch (error) {
        this.#stop.signal.throwIfAborted();
        this.#options.onFailure(error);
        await this.#pause.wait(this.#options.retryMs[0]);
        this.#stop.signal.throwIfAborted();
      }
    }
  }

  #output(final: FilePair): Output {
    const suffix = `.${this.#deps.epoch}.tmp`;
    return { final, temporary: { data: final.data + suffix, index: final.index + suffix } };
  }
}

function wrongAnswer(task: CompactionTask, answer: CompactionAnswer): Error {
  return new Error(`a task to ${task.kind} was answered as one to ${answer.kind}`);
}
