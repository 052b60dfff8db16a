import { describe, expect, it } from 'vitest';
import { parsePreferences } from '../../../server/http/prefer.ts';

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
