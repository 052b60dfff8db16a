import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { problemMessage } from '../../../shared/error-codes.ts';
import { parseAnyEvent, parseEvent } from '../../../shared/event.ts';
import { DEFAULT_LIMITS } from '../../../shared/limits.ts';
import { anEvent } from '../../support/events.ts';

const NOW = 1_800_000_000_000;
const parse = (value: unknown) => parseEvent(value, DEFAULT_LIMITS, NOW);

function problemsOf(value: unknown): readonly string[] {
  const parsed = parse(value);
  return parsed.ok ? [] : parsed.problems.map(({ code, path }) => `${code} ${path}`);
}

describe('parseEvent', () => {
  it('copies the known fields in their fixed order and drops all others', () => {
    const parsed = parse({ version: '1', extra: { deep: [] }, ...anEvent(), __proto__: { polluted: true } });

    expect(parsed).toMatchObject({ ok: true });
    expect(parsed.ok && parsed.text).toBe(
      '{"customer":"BARCHART","product":"PORTFOLIO","type":"PORTFOLIO-ACCESSED","timestamp":1700000000000,' +
        '"context":["user-1","portfolio-1"],"version":"1"}',
    );
  });

  it.each([
    ['no object', 3, 'REQUEST_PARAMETER_MALFORMED '],
    ['an array', [], 'REQUEST_PARAMETER_MALFORMED '],
    ['an empty code', { ...anEvent(), customer: '' }, 'REQUEST_PARAMETER_MISSING customer'],
    ['a null code', { ...anEvent(), product: null }, 'REQUEST_PARAMETER_MISSING product'],
    ['a code of another type', { ...anEvent(), type: 7 }, 'REQUEST_PARAMETER_MALFORMED type'],
    ['a control character', { ...anEvent(), type: 'A\nB' }, 'REQUEST_PARAMETER_MALFORMED type'],
    ['a long code', { ...anEvent(), type: 'A'.repeat(129) }, 'EVENT_FIELD_TOO_LONG type'],
    ['a text as time', { ...anEvent(), timestamp: '1' }, 'REQUEST_PARAMETER_MALFORMED timestamp'],
    ['a fraction as time', { ...anEvent(), timestamp: 1.5 }, 'REQUEST_PARAMETER_MALFORMED timestamp'],
    ['an infinite time', { ...anEvent(), timestamp: Infinity }, 'REQUEST_PARAMETER_MALFORMED timestamp'],
    ['a time before 1970', { ...anEvent(), timestamp: -1 }, 'EVENT_TIMESTAMP_OUT_OF_RANGE timestamp'],
    ['a late time', { ...anEvent(), timestamp: NOW + 86_400_001 }, 'EVENT_TIMESTAMP_OUT_OF_RANGE timestamp'],
    ['a text as context', { ...anEvent(), context: 'a' }, 'REQUEST_PARAMETER_MALFORMED context'],
    [
      'a number in the context',
      { ...anEvent(), context: ['a', 1] },
      'REQUEST_PARAMETER_MALFORMED context[1]',
    ],
    ['a long context', { ...anEvent(), context: Array(65).fill('a') }, 'EVENT_FIELD_TOO_LONG context'],
    ['a long item', { ...anEvent(), context: ['a'.repeat(4097)] }, 'EVENT_FIELD_TOO_LONG context[0]'],
    ['a number as version', { ...anEvent(), version: 1 }, 'REQUEST_PARAMETER_MALFORMED version'],
    ['too many bytes', { ...anEvent(), context: Array(64).fill('€'.repeat(400)) }, 'EVENT_TOO_LARGE '],
  ])('refuses %s, naming the field', (_title, value, problem) => {
    expect(problemsOf(value)).toEqual([problem]);
  });

  it('takes what is exactly at each limit', () => {
    const context = ['a'.repeat(4096), ...Array<string>(63).fill('a')];
    expect(problemsOf(anEvent({ type: 'A'.repeat(128), timestamp: NOW + 86_400_000, context }))).toEqual([]);
    expect(problemsOf(anEvent({ timestamp: 0, context: [] }))).toEqual([]);
  });

  it('names every bad field', () => {
    expect(problemsOf({})).toHaveLength(5);
  });

  it('replaces lone surrogates and takes minus zero for zero', () => {
    const parsed = parse(anEvent({ timestamp: -0, context: ['a\ud800b', '😀'] }));

    expect(parsed.event?.context).toEqual(['a\uFFFDb', '😀']);
    expect(parsed.ok && parsed.text).toContain('"timestamp":0,');
  });

  it('never throws, and what it takes survives JSON', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.record({ ...anything(anEvent()) })), (value) => {
        const parsed = parse(value);
        if (parsed.ok) expect(parse(JSON.parse(parsed.text))).toEqual(parsed);
        else expect(parsed.problems.every(({ code, path }) => problemMessage(code, path) !== '')).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('says of a plain event what the long way says', () => {
    const limits = { ...DEFAULT_LIMITS, maxCodeLength: 4, maxContextItems: 3, maxStringLength: 90 };
    const text = fc.oneof(
      { weight: 8, arbitrary: fc.string({ maxLength: 3 }) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 100 }) },
      { weight: 1, arbitrary: fc.constantFrom('\u007f', '\n', '"', '\\', '\ud800', '', 'ABCD', 'ABCDE') },
    );
    const event = fc.record({
      customer: text,
      product: text,
      type: text,
      timestamp: fc.oneof(fc.constantFrom(0, -0, -1, 0.5, NaN, NOW + 86_400_000, NOW + 86_400_001), fc.nat()),
      context: fc.array(fc.option(text), { maxLength: 4 }),
      version: fc.option(text, { nil: undefined }),
    });
    const sizes = fc.constantFrom(60, 200, 400, 65_536);
    fc.assert(
      fc.property(event, sizes, (value, maxEventBytes) => {
        const narrow = { ...limits, maxEventBytes };
        expect(parseEvent(value, narrow, NOW)).toStrictEqual(parseAnyEvent(value, narrow, NOW));
      }),
      { numRuns: 5_000 },
    );
  });
});

/** Each field right most of the time. */
function anything(event: object): Record<string, fc.Arbitrary<unknown>> {
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [
      key,
      fc.oneof({ weight: 9, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: fc.anything() }),
    ]),
  );
}
