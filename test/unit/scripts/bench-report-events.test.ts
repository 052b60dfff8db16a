import { describe, expect, it } from 'vitest';
import { LARGE_SENDER, ReportEvents, SMALL_SENDER } from '../../../scripts/bench/reports/report-events.ts';
import { parseCatalog } from '../../../server/catalog/catalog.ts';
import example from '../../../server/catalog/usage.catalog.json' with { type: 'json' };

const BATCHES = 20_000;
const DAY_MS = 86_400_000;

describe('the data set of the bench of reports', () => {
  const source = new ReportEvents();
  const batches = Array.from({ length: BATCHES }, () => source.next());
  const events = batches.flatMap(({ identity }) => identity.events).filter((event) => event !== undefined);

  it('has events that a strict catalog takes, so that every value has a column', () => {
    const catalog = parseCatalog(example, true, 'the bundled catalog');
    expect(events).toHaveLength(BATCHES * 10);
    expect(events.find((event) => catalog.problems(event).length > 0)).toBeUndefined();
    expect(catalog.columns(SMALL_SENDER.product).columns).toHaveLength(62);
  });

  it('has batches of one customer and product', () => {
    const mixed = batches.find(
      ({ identity }) =>
        new Set(identity.events.map((event) => `${event?.customer} ${event?.product}`)).size !== 1,
    );
    expect(mixed).toBeUndefined();
  });

  it.each([
    ['half', LARGE_SENDER, 1 / 2],
    ['one of 18 parts', SMALL_SENDER, 1 / 18],
  ])('gives %s to one sender', (_, { customer, product }, share) => {
    const own = events.filter((event) => event.customer === customer && event.product === product);
    expect(own.length / events.length / share).toBeCloseTo(1, 1);
  });

  it('has some events that come up to three hours or three days after they happened', () => {
    const lateMs = batches.flatMap(({ identity, contents }) =>
      identity.events.map((event) => contents.received - (event?.timestamp ?? NaN)),
    );
    const shareAbove = (ms: number): number => lateMs.filter((late) => late > ms).length / lateMs.length;
    expect(shareAbove(60_000)).toBeCloseTo(0.06, 2);
    expect(shareAbove(10_800_000)).toBeCloseTo(0.01, 2);
    expect(lateMs.reduce((most, late) => Math.max(most, late))).toBeLessThanOrEqual(3 * DAY_MS);
  });
});
