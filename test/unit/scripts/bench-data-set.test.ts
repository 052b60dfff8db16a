import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadCatalog } from '../../../server/catalog/catalog.ts';
import { makeDataSet } from '../../../scripts/bench/client/data-set.ts';

const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

describe('data set of the client’s bench', () => {
  it('has the same bytes every time and everywhere', () => {
    const digest = createHash('sha256')
      .update(JSON.stringify(makeDataSet(1_000)))
      .digest('hex');
    // Figures are compared over years: whoever changes the data set gives that up.
    expect(digest).toBe('b932ce43049700edfa4451853abc88649661f8cf36112d66959f7acfb18c1fa4');
    expect(makeDataSet(1_000).slice(0, 100)).toEqual(makeDataSet(100));
  });

  it('is one user’s, on six objects, with codes and contexts of the catalog', async () => {
    const events = makeDataSet(1_000);
    expect(new Set(events.map(({ context }) => context[0])).size).toBe(1);
    const ids = new Set(
      events.flatMap(({ context }) => context.slice(1)).filter((item) => ID.test(`${item}`)),
    );
    expect(ids.size).toBe(6);
    const catalog = await loadCatalog('server/catalog/usage.catalog.json');
    expect(events.flatMap((event) => catalog.problems(event))).toEqual([]);
  });

  it('has its types by a Zipf law', () => {
    const counts = new Map<string, number>();
    for (const { type } of makeDataSet(20_000)) counts.set(type, (counts.get(type) ?? 0) + 1);
    const [first = 0, second = 0, third = 0] = [...counts.values()].toSorted((a, b) => b - a);
    expect(first / second).toBeCloseTo(2, 0);
    expect(first / third).toBeCloseTo(3, 0);
    expect(counts.size).toBe(25);
  });
});
