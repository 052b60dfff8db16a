import { describe, expect, it } from 'vitest';
import { parsePreferences, waitSeconds } from '../../../server/http/prefer.ts';

describe('parsePreferences', () => {
  it.each([
    ['', undefined, false, false, ''],
    ['return=minimal', undefined, true, false, 'return=minimal'],
    ['Return="Minimal"; foo, HANDLING=lenient', undefined, true, true, 'return=minimal, handling=lenient'],
    ['', 'return=minimal, handling=lenient', true, true, 'return=minimal, handling=lenient'],
    ['return=representation', 'return=minimal', false, false, 'return=representation'],
    ['wait=10, respond-async', 'handling=strict', false, false, 'handling=strict'],
  ])('reads header %j and field %j', (header, field, isMinimal, isLenient, applied) => {
    expect(parsePreferences(header, field)).toEqual({ isMinimal, isLenient, applied });
  });
});

describe('waitSeconds', () => {
  it.each([
    ['wait=10', 10],
    ['return=minimal, Wait="5"; foo, wait=9', 5],
    ['wait=0', 0],
    ['wait=60', 60],
    ['wait=61', 60],
    ['wait=999999999', 60],
    ['', undefined],
    ['wait', undefined],
    ['wait=1.5', undefined],
    ['wait=-1', undefined],
    ['wait=1e3', undefined],
    ['waits=3', undefined],
  ])('reads header %j', (header, seconds) => {
    expect(waitSeconds(header)).toBe(seconds);
  });
});
