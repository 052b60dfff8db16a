import { expect, it } from 'vitest';
import type { Row } from '../../torture/run-scenario.ts';
import { formatTable } from '../../torture/table.ts';

it('prints a line for each result and each reason once, with all that have it', () => {
  const judgement = { tracked: 501, delivered: 500, duplicates: 0, ledger: 1, problems: [], remarks: [] };
  const ok: Row = {
    scenario: 'poison',
    variant: 'page',
    engine: 'firefox',
    seconds: 6.04,
    verdict: 'ok',
    judgement,
    reasons: [],
  };
  const impossible: Row = {
    ...ok,
    engine: 'webkit',
    verdict: 'n/a',
    judgement: undefined,
    reasons: ['no switch'],
  };
  const remarked: Row = { ...ok, engine: 'chromium', reasons: ['a new database'] };
  expect(formatTable([ok, impossible, { ...impossible, variant: 'worker' }, remarked])).toBe(
    `| scenario | variant | engine   | tracked | delivered | duplicates | ledger | seconds | verdict |
| -------- | ------- | -------- | ------: | --------: | ---------: | -----: | ------: | ------- |
| poison   | page    | firefox  |     501 |       500 |          0 |      1 |     6.0 | ok      |
| poison   | page    | webkit   |         |           |            |        |         | n/a     |
| poison   | worker  | webkit   |         |           |            |        |         | n/a     |
| poison   | page    | chromium |     501 |       500 |          0 |      1 |     6.0 | ok      |

- n/a: no switch
  (poison/page in webkit, poison/worker in webkit)
- ok: a new database
  (poison/page in chromium)
`,
  );
});
