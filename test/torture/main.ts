import { parseArgs } from 'node:util';
import { buildLab } from './build-lab.ts';
import { type Case, casesOf } from './cases.ts';
import { ENGINES } from './engines/all-engines.ts';
import type { Engine } from './engines/engine.ts';
import { type Row, runScenario } from './run-scenario.ts';
import { SCENARIOS } from './scenarios/all-scenarios.ts';
import { chaos } from './scenarios/chaos.ts';
import { formatTable } from './table.ts';

const HELP = `Usage: npm run torture [-- OPTIONS]

Runs every scenario in every installed engine, one after the other, and prints a table. Fails if a scenario did.

  --engine NAMES     chromium, firefox, webkit, with commas between [all that are installed]
  --scenario NAMES   names of --list, with commas between, each also as NAME/worker or NAME/page [all]
  --list             prints the scenarios

  --chaos            in place of the scenarios: kills Chromium again and again while everything else goes wrong
  --kills N          how often [50]
  --seed N           decides what goes wrong, to see it again [another one each time]
`;

/** What can't be done with the options that were given. */
class UsageError extends Error {}

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: '' },
    scenario: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
    chaos: { type: 'boolean', default: false },
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else if (values.list) {
  for (const { name, title, variants } of SCENARIOS)
    process.stdout.write(`${name.padEnd(22)} ${title} (${variants.join(', ')})\n`);
} else {
  try {
    const rows = await run(values.chaos ? chooseChaos() : chooseCases());
    process.stdout.write(formatTable(rows));
    if (rows.length === 0 || rows.some(({ verdict }) => verdict === 'FAILED')) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${HELP}`);
    process.exitCode = 2;
  }
}

function chooseChaos(): readonly Case[] {
  const [kills, seed] = [Number(values.kills), Number(values.seed)];
  if (!(kills >= 1) || !Number.isSafeInteger(seed))
    throw new UsageError('--kills and --seed take whole numbers');
  process.stderr.write(`chaos with --seed ${seed}\n`);
  return chooseEngines(values.engine || 'chromium').flatMap((engine) =>
    casesOf(engine, [chaos(kills, seed)]),
  );
}

function chooseCases(): readonly Case[] {
  const names = split(values.scenario);
  const unknown = names.find((name) => !SCENARIOS.some((scenario) => scenario.name === name.split('/')[0]));
  if (unknown !== undefined) throw new UsageError(`no scenario is called ${unknown}`);
  return chooseEngines(values.engine)
    .flatMap((engine) => casesOf(engine, SCENARIOS))
    .filter(
      ({ name, scenario }) => names.length === 0 || names.includes(name) || names.includes(scenario.name),
    );
}

function chooseEngines(list: string): readonly Engine[] {
  const names = split(list);
  const unknown = names.find((name) => !ENGINES.some((engine) => engine.name === name));
  if (unknown !== undefined) throw new UsageError(`no engine is called ${unknown}`);
  const wanted = ENGINES.filter(({ name }) => names.length === 0 || names.includes(name));
  const missing = wanted.filter((engine) => engine.find() === undefined).map(({ name }) => name);
  if (missing.length > 0 && names.length > 0) throw new UsageError(`not installed: ${missing.join(', ')}`);
  for (const name of missing) process.stderr.write(`${name} is not installed\n`);
  return wanted.filter(({ name }) => !missing.includes(name));
}

function split(list: string): readonly string[] {
  return list.split(',').filter((name) => name !== '');
}

/** @returns The results by scenario, so that engines can be compared. */
async function run(cases: readonly Case[]): Promise<readonly Row[]> {
  const files = await buildLab();
  try {
    const rows: Row[] = [];
    for (const { engine, name, scenario, variant } of cases) {
      process.stderr.write(`${engine.name.padEnd(8)}  ${name.padEnd(30)}  `);
      const row = await runScenario(scenario, variant, engine, files);
      rows.push(row);
      process.stderr.write(`${row.verdict} ${row.seconds.toFixed(1)} s\n`);
    }
    const place = new Map(cases.map(({ name }, index) => [name, index]));
    const placeOf = ({ scenario, variant }: Row): number => place.get(`${scenario}/${variant}`) ?? 0;
    return rows.toSorted((a, b) => placeOf(a) - placeOf(b));
  } finally {
    await files.remove();
  }
}
