import { describe, expect, it } from 'vitest';
import {
  CompactionFailures,
  obstacleText,
} from '../../../../server/store/segments/compaction/compaction-failures.ts';
import { dataDir } from '../../../../server/store/segments/data-dir.ts';

const SEAL = { kind: 'seal', segment: 1 } as const;
const MERGE = { kind: 'merge', from: [7] } as const;

describe('what could not be done', () => {
  it('is known until it is done, or has not been tried for a round', () => {
    const failures = new CompactionFailures();
    failures.add(SEAL, new Error('no room'));
    failures.add(MERGE, 'a text');
    expect([failures.isEmpty, failures.has(SEAL), failures.reasonOf(SEAL)]).toEqual([false, true, 'no room']);

    failures.endRound();
    expect([failures.isEmpty, failures.has(SEAL), failures.reasonOf(SEAL)]).toEqual([true, false, 'no room']);
    expect(failures.reasonOf(MERGE)).toBe('nobody knows why');
    failures.forget(SEAL);
    expect(failures.reasonOf(SEAL)).toBeUndefined();

    failures.endRound();
    expect(failures.reasonOf(MERGE)).toBeUndefined();
  });

  it('is told with the file that it is about, and what can be done', () => {
    const dir = dataDir('/data');
    expect(obstacleText(dir, SEAL, 'no room')).toBe(
      '/data/segments/00000001.jsonl can not be sealed (no room); ' +
        'if the file is lost, put it back from a backup, or an empty file in its place',
    );
    expect(obstacleText(dir, MERGE, 'no room')).toMatch(
      /^\/data\/sealed\/00000007.jsonl can not be rewritten/,
    );
    expect(obstacleText(dir, { kind: 'drop', sealed: 7 }, 'no room')).toBe('drop failed (no room)');
  });
});
