import { describe, expect, it } from 'vitest';
import { EMPTY_LEDGER } from '../../../shared/batch.ts';
import { type Evidence, judge, namesOf, type StoredEvent } from '../../torture/judge.ts';
import type { Outcome } from '../../torture/protocol.ts';

function arrivals(names: readonly string[], batch = 'b'): StoredEvent[] {
  return names.map((name, sequence) => ({ name, batch, sequence }));
}

function outcomes(names: readonly string[], outcome: Outcome = 'stored'): Map<string, Outcome> {
  return new Map(names.map((name) => [name, outcome]));
}

/** Five events, all stored and all there, but for what a test changes. */
function evidence(changes: Partial<Evidence> = {}): Evidence {
  const names = namesOf('a', 5);
  return {
    outcomes: outcomes(names),
    ordered: new Map([['a', 5]]),
    arrived: arrivals(names),
    conflicts: [],
    claims: [],
    ledger: EMPTY_LEDGER,
    reported: EMPTY_LEDGER,
    queued: 0,
    faults: [],
    excused: new Set(),
    findings: [],
    remarks: [],
    ...changes,
  };
}

function problemsOf(changes: Partial<Evidence>): readonly string[] {
  return judge(evidence(changes)).problems;
}

const dropped = (count: number) => ({ ...EMPTY_LEDGER, dropped: count });

describe('judge', () => {
  it('finds nothing wrong when everything stored has arrived once', () => {
    expect(judge(evidence({ remarks: ['!'] }))).toEqual({
      remarks: ['!'],
      tracked: 5,
      delivered: 5,
      duplicates: 0,
      ledger: 0,
      problems: [],
    });
  });

  it('fails for an event that was stored and is missing', () => {
    expect(problemsOf({ arrived: arrivals(namesOf('a', 4)) })).toEqual([
      '1 events are missing, 0 are counted',
      'stored on the device, but missing: 1 (a4)',
    ]);
  });

  it('fails for an event that was refused without being counted', () => {
    const resolved = new Map([...outcomes(namesOf('a', 4)), ...outcomes(['a4'], 'dropped')]);
    expect(problemsOf({ outcomes: resolved, arrived: arrivals(namesOf('a', 4)) })).toEqual([
      '1 events are missing, 0 are counted',
      'never stored, and missing: 1 (a4)',
    ]);
  });

  it('accepts a missing event that the ledger and the batches count', () => {
    const arrived = arrivals(namesOf('a', 4));
    expect(judge(evidence({ arrived, ledger: dropped(1), reported: dropped(1) }))).toMatchObject({
      ledger: 1,
      problems: [],
    });
  });

  it('fails for a ledger that counts fewer or more than are missing', () => {
    const arrived = arrivals(namesOf('a', 3));
    expect(problemsOf({ arrived, ledger: dropped(1), reported: dropped(1) })[0]).toBe(
      '2 events are missing, 1 are counted',
    );
    expect(problemsOf({ arrived, ledger: dropped(3), reported: dropped(3) })).toEqual([
      '3 events are counted as lost, 2 are missing',
    ]);
  });

  it('accepts an unconfirmed event whether it has arrived or not', () => {
    const ledger = { ...EMPTY_LEDGER, unconfirmed: 1 };
    expect(problemsOf({ ledger, reported: ledger })).toEqual([]);
    expect(problemsOf({ arrived: arrivals(namesOf('a', 4)), ledger, reported: ledger })).toEqual([]);
  });

  it('fails for batches that report other losses than the device', () => {
    const arrived = arrivals(namesOf('a', 4));
    expect(problemsOf({ arrived, ledger: dropped(1) })).toEqual([
      'the batches report 0 dropped, the device 1',
    ]);
  });

  it('fails for an event under two identities, even one that was never confirmed', () => {
    const arrived = [...arrivals(namesOf('a', 5)), ...arrivals(['a0'], 'c')];
    expect(judge(evidence({ arrived }))).toMatchObject({
      delivered: 5,
      duplicates: 1,
      problems: ['stored under two identities: 1 (a0)'],
    });
    expect(problemsOf({ arrived, outcomes: new Map() })).toEqual(['stored under two identities: 1 (a0)']);
  });

  it('fails for a batch that came again with other events', () => {
    expect(problemsOf({ conflicts: ['b'] })).toEqual(['batches that came again with other events: 1 (b)']);
  });

  it('lets an event that was never confirmed be there or not', () => {
    expect(problemsOf({ outcomes: outcomes(namesOf('a', 3)), arrived: arrivals(namesOf('a', 4)) })).toEqual(
      [],
    );
  });

  it('lets an excused event be missing, but not be there twice', () => {
    const excused = new Set(['a0']);
    expect(problemsOf({ excused, arrived: arrivals(['a1', 'a2', 'a3', 'a4']) })).toEqual([]);
    expect(
      problemsOf({ excused, arrived: [...arrivals(namesOf('a', 5)), ...arrivals(['a0'], 'c')] }),
    ).toEqual(['stored under two identities: 1 (a0)']);
  });

  it('fails for an event that nobody tracked', () => {
    expect(problemsOf({ arrived: arrivals([...namesOf('a', 5), 'z0']) })).toEqual([
      'stored, but never tracked: 1 (z0)',
    ]);
  });

  it('fails for a page that was told of a delivery that did not happen', () => {
    const claims = [{ name: 'a4', batch: 'b', sequence: 4 }];
    expect(problemsOf({ claims })).toEqual([]);
    expect(problemsOf({ claims: [{ name: 'a4', batch: 'b', sequence: 3 }] })).toEqual([
      'told to be delivered, but not there: 1 (a4)',
    ]);
    expect(problemsOf({ claims, arrived: arrivals(namesOf('a', 4)), outcomes: new Map() })).toEqual([
      'told to be delivered, but not there: 1 (a4)',
    ]);
  });

  it('fails for unhandled errors, for what is still queued, and for what a scenario has found', () => {
    expect(problemsOf({ faults: ['page p1: TypeError'], queued: 3, findings: ['9 requests'] })).toEqual([
      '9 requests',
      'not handled: page p1: TypeError',
      'still queued: 3 events',
    ]);
    expect(problemsOf({ queued: undefined })).toEqual(['no page could be asked what is queued']);
  });
});
