import { describe, expect, it } from 'vitest';
import { batchFingerprint } from '../../../server/ingest/fingerprint.ts';
import { parseEvent } from '../../../shared/event.ts';
import { DEFAULT_LIMITS } from '../../../shared/limits.ts';
import { anEvent } from '../../support/events.ts';

const of = (...values: readonly unknown[]) =>
  batchFingerprint(values.map((value) => parseEvent(value, DEFAULT_LIMITS, 2e12).event));

describe('batchFingerprint', () => {
  it('never changes for the same events: it is written in files that must open for ever', () => {
    expect(of(anEvent())).toBe('1:89b790af6a9910eb40feb482a6956ecf');
    expect(of(anEvent({ context: ['ü', null, '😀'], version: '2' }), 7)).toBe(
      '1:1196ae7f0fbb5d7a6857a2735b0631a1',
    );
  });

  it('is the same whatever stands beside the known fields', () => {
    expect(of({ ...anEvent(), extra: 1, version: null })).toBe(of(anEvent()));
    expect(of(anEvent({ timestamp: -0 }))).toBe(of(anEvent({ timestamp: 0 })));
    expect(of(anEvent({ context: ['\ud800'] }))).toBe(of(anEvent({ context: ['\uFFFD'] })));
  });

  it('differs when any known field does, or the order, or the number', () => {
    const others = [
      of(anEvent({ customer: 'X' })),
      of(anEvent({ product: 'X' })),
      of(anEvent({ type: 'X' })),
      of(anEvent({ timestamp: 1 })),
      of(anEvent({ context: [] })),
      of(anEvent({ version: '1' })),
      of(anEvent(), anEvent()),
      of(anEvent({ timestamp: 1 }), anEvent({ timestamp: 2 })),
      of(anEvent({ timestamp: 2 }), anEvent({ timestamp: 1 })),
      of(7),
      of(),
      of(anEvent()),
    ];
    expect(new Set(others).size).toBe(others.length);
  });
});
