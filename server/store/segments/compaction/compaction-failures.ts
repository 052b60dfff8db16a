import type { DataDir } from '../data-dir.ts';
import type { CompactionChoice } from './choose-compaction.ts';

/** What could not be done, and why: until it is done, or nobody tries it any more. */
export class CompactionFailures {
  /** By choice as JSON. */
  #ofRound = new Map<string, string>();
  #ofRoundBefore = new Map<string, string>();

  /** Whether nothing has failed in this round. */
  get isEmpty(): boolean {
    return this.#ofRound.size === 0;
  }

  /** Whether it has failed in this round. */
  has(choice: CompactionChoice): boolean {
    return this.#ofRound.has(JSON.stringify(choice));
  }

  /** Why it failed, in this round or, until it is tried again, in the one before. */
  reasonOf(choice: CompactionChoice): string | undefined {
    const key = JSON.stringify(choice);
    return this.#ofRound.get(key) ?? this.#ofRoundBefore.get(key);
  }

  add(choice: CompactionChoice, error: unknown): void {
    this.#ofRound.set(JSON.stringify(choice), error instanceof Error ? error.message : 'nobody knows why');
  }

  /** Says that it was done. */
  forget(choice: CompactionChoice): void {
    this.#ofRoundBefore.delete(JSON.stringify(choice));
  }

  /** Lets all be tried again. */
  endRound(): void {
    this.#ofRoundBefore = this.#ofRound;
    this.#ofRound = new Map();
  }
}

/** Says what could not be done, and what a person can do about it. */
export function obstacleText(dir: DataDir, choice: CompactionChoice, reason: string): string {
  const isLost = 'if the file is lost, put it back from a backup, or an empty file in its place';
  switch (choice.kind) {
    case 'seal':
      return `${dir.segment(choice.segment)} can not be sealed (${reason}); ${isLost}`;
    case 'merge': {
      const files = choice.from.map((number) => dir.sealedPair(number).data).join(', ');
      return `${files} can not be rewritten (${reason}); ${isLost}`;
    }
    case 'drop':
    case 'end-erasure':
    case 'merge-ids':
      return `${choice.kind} failed (${reason})`;
  }
}
