import { parseArgs } from 'node:util';
import { buildLab } from './build-lab.ts';
import { ENGINES } from './engines/all-engines.ts';
import type { Engine } from './engines/engine.ts';
import type { Row } from './run-scenario.ts';
import { runScenario } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/all-scenarios.ts';
import { formatTable } from './table.ts';

const HELP = `Usage: npm run torture [-- [--engine NAMES] [--scenario NAMES] [--list]]

Runs every scenario in every installed engine, prints a table, and fails if a scenario did.

Options:
  --engine NAMES     chromium, firefox, webkit, with commas between [all that are installed]
  --scenario NAMES   names of --list, with commas between; also NAME/worker or NAME/page [all]
  --list             prints the scenarios
`;

interface Choice {
  readonly engines: readonly Engine[];
  readonly scenarios: readonly string[];
}

/** The names of a list with commas; none means all. */
function namesOf(list: string | undefined): readonly string[] {
  return (list ?? '').split(',').filter((name) => name !== '');
}

/** @returns What can't be, in place of the choice. */
function choose(engineList: string | undefined, scenarioList: string | undefined): Choice | string {
  const engineNames = namesOf(engineList);
  const scenarios = namesOf(scenarioList);
  const noEngine = engineNames.find((name) => !ENGINES.some((engine) => engine.name === name));
  if (noEngine !== undefined) return `no engine is called ${noEngine}`;
  const noScenario = scenarios.find(
    (name) => !SCENARIOS.some((scenario) => scenario.name === name.split('/')[0]),
  );
  if (noScenario !== undefined) return `no scenario is called ${noScenario}`;
  const wanted = ENGINES.filter(({ name }) => engineNames.length === 0 || engineNames.includes(name));
  const missing = wanted.filter((engine) => engine.find() === undefined);
  for (const { name } of missing) process.stderr.write(`${name} is not installed\n`);
  if (engineNames.length > 0 && missing.length > 0) return 'an engine that was asked for is missing';
  return { engines: wanted.filter((engine) => !missing.includes(engine)), scenarios };
}

async function runAll({ engines, scenarios }: Choice): Promise<readonly Row[]> {
  const files = await buildLab();
  const rows: Row[] = [];
  try {
    for (const engine of engines) {
      for (const [scenario, variant] of SCENARIOS.flatMap(casesOf)) {
        const name = `${scenario.name}/${variant}`;
        if (scenarios.length > 0 && !scenarios.includes(name) && !scenarios.includes(scenario.name)) continue;
        process.stderr.write(`${engine.name.padEnd(8)} ${name.padEnd(30)} `);
        const row = await runScenario(scenario, variant, engine, files);
        rows.push(row);
        process.stderr.write(`${row.verdict} ${row.seconds.toFixed(1)} s\n`);
      }
    }
  } finally {
    await files.remove();
  }
  // By scenario, for comparison; stable, so engines keep their order.
  const places = new Map(SCENARIOS.map(({ name }, place) => [name, place]));
  return rows.toSorted(
    (a, b) =>
      (places.get(a.scenario) ?? 0) - (places.get(b.scenario) ?? 0) || b.variant.localeCompare(a.variant),
  );
}

function casesOf(scenario: Scenario): (readonly [Scenario, Scenario['variants'][number]])[] {
  return scenario.variants.map((variant) => [scenario, variant]);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      engine: { type: 'string' },
      scenario: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) process.stdout.write(HELP);
  else if (values.list) {
    for (const { name, title, variants } of SCENARIOS)
      process.stdout.write(`${name.padEnd(22)} ${title} (${variants.join(', ')})\n`);
  } else {
    const choice = choose(values.engine, values.scenario);
    if (typeof choice === 'string') {
      process.stderr.write(`${choice}\n\n${HELP}`);
      process.exitCode = 2;
      return;
    }
    const rows = await runAll(choice);
    process.stdout.write(formatTable(rows));
    if (rows.length === 0 || rows.some(({ verdict }) => verdict === 'FAILED')) process.exitCode = 1;
  }
}

await main();
