import type { Engine } from './engines/engine.ts';
import type { Variant } from './protocol.ts';
import type { Scenario } from './scenario.ts';

/** A scenario in one of its variants in one engine. */
export interface Case {
  /** Of scenario and variant. */
  readonly name: string;
  readonly engine: Engine;
  readonly scenario: Scenario;
  readonly variant: Variant;
}

export function casesOf(engine: Engine, scenarios: readonly Scenario[]): readonly Case[] {
  return scenarios.flatMap((scenario) =>
    scenario.variants.map((variant) => ({ name: `${scenario.name}/${variant}`, engine, scenario, variant })),
  );
}
