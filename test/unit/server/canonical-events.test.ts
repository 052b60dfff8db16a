import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../../server/catalog/catalog.ts';
import { echoOf } from '../../../server/http/echo.ts';
import { parseBatchRequest } from '../../../server/ingest/batch-request.ts';
import { parseEventsBody, readCanonicalBody, type EventsBody } from '../../../server/ingest/events-body.ts';
import { ingest, type IngestDependencies } from '../../../server/ingest/ingest.ts';
import { parseJson } from '../../../server/parse-json.ts';
import type { AppendOutcome, BatchContents, BatchIdentity } from '../../../server/store/event-store.ts';
import { encodeBatchBody } from '../../../server/store/segments/batch-line.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../shared/limits.ts';
import { anEvent } from '../../support/events.ts';

const NOW = 1_800_000_000_000;
const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  maxEvents: 4,
  maxContextItems: 3,
  maxStringLength: 150,
  maxCodeLength: 5,
  maxEventBytes: 120,
};
const SHORT_TEXTS: Limits = { ...LIMITS, maxStringLength: 30 };
const BATCH = '00000000-0000-4000-8000-000000000001';
const LOOSE = new Catalog(false, new Set(), new Map());
const STRICT = new Catalog(
  true,
  new Set(['A']),
  new Map([['B', { columns: ['x'], types: new Map([['C', ['x']]]) }]]),
);
const REPLAYED: AppendOutcome = {
  kind: 'stored',
  isNew: false,
  rejected: [{ sequence: 0, code: 'EVENT_TYPE_UNKNOWN', path: 'type' }],
};

const LATE = '{"customer":"A","product":"B","type":"C","timestamp":9007199254740993,"context":[]}';

const isCanonical = (text: string): boolean => readCanonicalBody(Buffer.from(text), LIMITS) !== undefined;

/** What a store would write and compare, and what the sender is told; or the error. */
async function outcome(
  parse: () => EventsBody,
  limits: Limits,
  catalog: Catalog,
  known?: AppendOutcome,
): Promise<unknown> {
  const seen: unknown[] = [];
  const append = (identity: BatchIdentity, compose: () => BatchContents): Promise<AppendOutcome> => {
    seen.push(identity.fingerprint, identity.events);
    if (known !== undefined) return Promise.resolve(known);
    const contents = compose();
    const { head, events, tail, length } = encodeBatchBody(identity, contents);
    seen.push(Buffer.concat([Buffer.from(head), events, tail]).toString('latin1'), length);
    return Promise.resolve({ kind: 'stored', isNew: true, rejected: contents.rejected });
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const store = { append, expiredBefore: () => 0 } as Partial<
    IngestDependencies['store']
  > as IngestDependencies['store'];
  try {
    const request = { ...parseBatchRequest(parse(), undefined, limits), batch: BATCH };
    const result = await ingest(request, true, {
      store,
      catalog,
      limits,
      expiryAt: () => 0,
      now: () => NOW,
    });
    return [...seen, echoOf(result).toString('latin1'), result.stored.ends.length, result.rejected];
  } catch (error) {
    return [...seen, error instanceof Error ? error.message : error];
  }
}

async function expectSame(bytes: Buffer): Promise<void> {
  const long = (): EventsBody => ({ value: parseJson(bytes), canonical: undefined });
  for (const limits of [LIMITS, SHORT_TEXTS]) {
    const short = (): EventsBody => parseEventsBody(bytes, limits);
    for (const catalog of [LOOSE, STRICT]) {
      expect(await outcome(short, limits, catalog)).toEqual(await outcome(long, limits, catalog));
    }
    expect(await outcome(short, limits, LOOSE, REPLAYED)).toEqual(
      await outcome(long, limits, LOOSE, REPLAYED),
    );
  }
}

const often = <Value>(weight: number, arbitrary: fc.Arbitrary<Value>): fc.WeightedArbitrary<Value> => ({
  weight,
  arbitrary,
});

/** JSON of a text, also as no `JSON.stringify` writes it. */
const textJson = fc.oneof(
  often(30, fc.constantFrom('"A"', '"B"', '"C"', '"é"', '"😀"', '"a b"', '","', '"{}"', '"]"')),
  often(
    1,
    fc.string({ unit: 'binary', maxLength: 4 }).map((text) => JSON.stringify(text)),
  ),
  often(
    1,
    fc.constantFrom(
      '""',
      '"ABCDE"',
      '"ABCDEF"',
      '"\\u0041"',
      '"\\n"',
      '"\\""',
      '"\\\\"',
      '"\\/"',
      '"\\ud800"',
    ),
  ),
  often(1, fc.constantFrom('"\u007f"', '"\t"', '"\u2028"', '"', 'A', '7', `"${'x'.repeat(31)}"`, '"\ud83d"')),
);
const orNull = fc.oneof(often(5, textJson), often(2, fc.constant('null')), often(1, fc.constant('nul')));
const timeJson = fc.oneof(
  often(20, fc.nat({ max: NOW }).map(String)),
  often(
    1,
    fc.constantFrom('0', '-0', '00', '01', '1e3', '1.0', '-1', '1.5', '""', '', '9007199254740993', '1e999'),
  ),
  often(
    1,
    fc.constantFrom(String(NOW + DEFAULT_LIMITS.maxFutureMs), String(NOW + DEFAULT_LIMITS.maxFutureMs + 1)),
  ),
);
const space = fc.oneof(often(60, fc.constant('')), often(1, fc.constantFrom(' ', '\n', '\t')));

const fieldsJson = fc
  .tuple(
    textJson.map((json) => `"customer":${json}`),
    textJson.map((json) => `"product":${json}`),
    textJson.map((json) => `"type":${json}`),
    timeJson.map((json) => `"timestamp":${json}`),
    fc.array(orNull, { maxLength: 4 }).map((items) => `"context":[${items.join(',')}]`),
    fc.option(orNull.map((json) => `"version":${json}`)),
  )
  .map((fields) => fields.filter((field) => field !== null));
const strangers = fc.constantFrom(
  '"extra":1',
  '"__proto__":{"customer":"B"}',
  '"customer":"Z"',
  '"c\\u0075stomer":"Z"',
  '"version":null',
  '"events":[]',
);
const eventJson = fc
  .oneof(
    often(
      30,
      fieldsJson.map((fields) => fields.join(',')),
    ),
    often(
      1,
      fieldsJson.map((fields) => fields.toReversed().join(',')),
    ),
    often(
      1,
      fc
        .tuple(fieldsJson, strangers, fc.nat({ max: 6 }))
        .map(([fields, other, at]) => fields.toSpliced(at, 0, other).join(',')),
    ),
    often(
      1,
      fc.tuple(fieldsJson, fc.nat({ max: 5 })).map(([fields, at]) => fields.toSpliced(at, 1).join(',')),
    ),
  )
  .chain((fields) => space.map((gap) => `{${gap}${fields}${gap}}`));

const aroundJson = fc.oneof(
  often(
    6,
    fc.constantFrom(
      '',
      `"batch":"${BATCH}"`,
      '"sentAt":1800000000000',
      '"prefer":"return=minimal"',
      '"x":"{\'"',
    ),
  ),
  often(
    1,
    fc.constantFrom(
      '"events":[]',
      '"events":7',
      '"e\\u0076ents":[]',
      '"x":{"events":[]}',
      '"x":[{',
      '"x":"',
      '"x":"\\"events\\":[',
      '"x":"events"',
      '"__proto__":{"events":[]}',
      '"ledger":{"dropped":1}',
      '"batch":7',
      '}',
      ',',
    ),
  ),
);
const bodyJson = fc
  .tuple(aroundJson, fc.array(eventJson, { maxLength: 5 }), aroundJson, space)
  .map(
    ([before, events, after, gap]) =>
      `{${before}${before === '' ? '' : ','}"events":${gap}[${events.join(`${gap},`)}]${after === '' ? '' : ','}${after}}${gap}`,
  );

describe('a body whose events stand there as they are stored', () => {
  it('is taken as the same text in the long way, whatever is in it', async () => {
    let canonical = 0;
    await fc.assert(
      fc.asyncProperty(bodyJson, async (text) => {
        if (isCanonical(text)) canonical++;
        await expectSame(Buffer.from(text));
      }),
      { numRuns: 2_000 },
    );
    expect(canonical).toBeGreaterThan(100);
  });

  it('is taken as in the long way after any change of its bytes', async () => {
    const events = [
      anEvent({ customer: 'A', product: 'é', type: 'C', version: '1' }),
      anEvent({ customer: 'A', product: 'B', type: 'C', context: [null] }),
    ];
    const good = Buffer.from(JSON.stringify({ batch: BATCH, events, sentAt: NOW }));
    const byte = fc.oneof(fc.constantFrom(...Buffer.from('{}[]",:\\0019 \n')), fc.nat({ max: 255 }));
    const place = fc.nat({ max: good.length - 1 });
    expect(isCanonical(good.toString())).toBe(true);
    await fc.assert(
      fc.asyncProperty(
        place,
        byte,
        fc.nat({ max: 1 }),
        fc.nat({ max: 1 }),
        async (at, put, removed, added) => {
          const middle = added === 1 ? Buffer.of(put) : Buffer.alloc(0);
          await expectSame(Buffer.concat([good.subarray(0, at), middle, good.subarray(at + removed)]));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it.each([
    [
      'what our client writes',
      `{"batch":"${BATCH}","sentAt":1,"prefer":"","ledger":{"dropped":1},"events":[EVENT]}`,
      true,
    ],
    ['the events first', '{"events":[EVENT,EVENT],"sentAt":1}', true],
    ['no events', '{"events":[]}', false],
    ['too many events', '{"events":[EVENT,EVENT,EVENT,EVENT,EVENT]}', false],
    ['events of something else', '{"x":{"events":[EVENT]}}', false],
    ['events that count no more', '{"events":[EVENT],"events":[]}', false],
    ['events that count no more, spelled otherwise', '{"events":[EVENT],"e\\u0076ents":[]}', false],
    ['events in a text', '{"x":"\\"events\\":[EVENT]"}', false],
    ['a number that no double is', `{"events":[${LATE}]}`, false],
    ['a text that is not JSON', '{"events":[EVENT]', false],
    ['an array', '["events":[EVENT]]', false],
  ])('is told from others: %s', async (_title, body, expected) => {
    const text = body.replaceAll(
      'EVENT',
      '{"customer":"A","product":"B","type":"C","timestamp":1,"context":[]}',
    );
    expect(isCanonical(text)).toBe(expected);
    await expectSame(Buffer.from(text));
  });
});
