import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RecordingCollector } from '../support/client-collector.ts';
import { launchServer } from '../support/launch-server.ts';
import type { LabFiles } from './build-lab.ts';
import type { Engine } from './engines/engine.ts';
import { type Judgement, judge } from './judge.ts';
import { Lab } from './lab.ts';
import type { Variant } from './protocol.ts';
import type { Scenario } from './scenario.ts';
import { Site } from './site.ts';
import { recordingTarget, ServerTarget } from './target.ts';

const LIMIT_MS = 60_000;
/** Firefox and WebKitGTK take longer for everything. */
const SLOW_FACTOR = 1.5;

/** A line of the table. */
export interface Row {
  readonly scenario: string;
  readonly variant: Variant;
  readonly engine: string;
  readonly seconds: number;
  readonly verdict: 'ok' | 'FAILED' | 'n/a';
  /** Undefined if it could not be run. */
  readonly judgement: Judgement | undefined;
  /** Why it failed or could not be run, and what should be known of it. */
  readonly reasons: readonly string[];
}

/** Runs a scenario from a new profile to the judgement. Never throws, and never takes longer than its limit. */
export async function runScenario(
  scenario: Scenario,
  variant: Variant,
  engine: Engine,
  files: LabFiles,
): Promise<Row> {
  const startedAt = performance.now();
  const row = { scenario: scenario.name, variant, engine: engine.name };
  const lacks = lacksOf(engine, scenario);
  if (lacks.length > 0) return { ...row, seconds: 0, verdict: 'n/a', judgement: undefined, reasons: lacks };
  let judgement: Judgement | undefined;
  const reasons: string[] = [];
  try {
    judgement = await withLab(scenario, variant, engine, files, reasons);
    reasons.push(...judgement.problems);
  } catch (error) {
    reasons.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const verdict = reasons.length > 0 ? 'FAILED' : 'ok';
  return { ...row, seconds, verdict, judgement, reasons: [...reasons, ...(judgement?.remarks ?? [])] };
}

/** Why the engine can't run the scenario; empty if it can. */
export function lacksOf({ lacks, name }: Engine, { except = {}, needs = [] }: Scenario): readonly string[] {
  const reason = except[name];
  if (reason !== undefined) return [reason];
  return needs.map((ability) => lacks[ability]).filter((lack) => lack !== undefined);
}

async function withLab(
  scenario: Scenario,
  variant: Variant,
  engine: Engine,
  files: LabFiles,
  reasons: string[],
): Promise<Judgement> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-lab-'));
  const ends: (() => Promise<unknown>)[] = [
    () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }),
  ];
  try {
    let collector: RecordingCollector | undefined;
    let server: ServerTarget | undefined;
    if (scenario.usesServer) {
      server = new ServerTarget(await launchServer({ dataFolder: join(folder, 'server') }));
    } else {
      collector = new RecordingCollector(folder);
      await collector.start();
    }
    const target = server ?? (collector && recordingTarget(collector));
    if (!target) throw new Error('no target');
    ends.unshift(() => target.stop());
    const site = new Site(files, target.endpoint);
    await site.start();
    ends.unshift(() => site.stop());
    const profile = await mkdtemp(join(folder, 'profile-'));
    const { launch = {} } = scenario;
    const lab = new Lab({ engine, variant, profile, site, target, collector, server, launch });
    ends.unshift(() => lab.end());
    const problem = await runWithin(scenario, lab);
    if (problem !== undefined) {
      reasons.push(problem);
      await lab.glance();
    }
    return judge(await lab.evidence());
  } finally {
    for (const end of ends) await end();
  }
}

/** @returns What went wrong besides what the judge sees. */
async function runWithin(scenario: Scenario, lab: Lab): Promise<string | undefined> {
  const limitMs = (scenario.limitMs ?? LIMIT_MS) * (lab.engine.name === 'chromium' ? 1 : SLOW_FACTOR);
  const timer = new AbortController();
  const work = (async () => {
    await scenario.run(lab);
    await lab.rest(scenario.restLimitMs);
    return undefined;
  })().catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  const limit = delay(limitMs, undefined, { signal: timer.signal }).then(
    () => `hung for ${limitMs / 1000} s, waiting for ${lab.waits.join('; ') || 'nothing that is known'}`,
    () => undefined,
  );
  try {
    return await Promise.race([work, limit]);
  } finally {
    timer.abort();
  }
}
