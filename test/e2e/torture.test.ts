import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildLab, type LabFiles } from '../torture/build-lab.ts';
import { casesOf } from '../torture/cases.ts';
import { ENGINES } from '../torture/engines/all-engines.ts';
import { lacksOf, runScenario } from '../torture/run-scenario.ts';
import { SCENARIOS } from '../torture/scenarios/all-scenarios.ts';

// One that is missing is told of by the tests of the engines.
const INSTALLED = ENGINES.filter((engine) => engine.find() !== undefined);

/** The part of `npm run torture` that is fast enough for every run of the tests. */
describe.each(INSTALLED)('the client under torture in $name', (engine) => {
  let files: LabFiles;

  beforeAll(async () => {
    files = await buildLab();
  });
  afterAll(() => files.remove());

  const cases = casesOf(engine, SCENARIOS).filter(
    ({ scenario, variant }) => scenario.fast?.includes(variant) && lacksOf(engine, scenario).length === 0,
  );

  for (const { name, scenario, variant } of cases) {
    it(`loses and doubles nothing (${name}): ${scenario.title}`, async () => {
      const { reasons, verdict } = await runScenario(scenario, variant, engine, files);
      expect({ verdict, reasons }).toEqual({ verdict: 'ok', reasons: [] });
    });
  }
});
