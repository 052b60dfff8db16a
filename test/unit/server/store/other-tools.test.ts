import { DuckDBInstance } from '@duckdb/node-api';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { areToolsRequired, findTestTool } from '../../../../scripts/find-test-tools.ts';
import type { CompactionOptions } from '../../../../server/store/segments/compaction/compactor.ts';
import { runCompaction } from '../../../../server/store/segments/compaction/run-compaction.ts';
import { SEAL_LIMITS } from '../../../../server/store/segments/sealed/seal-limits.ts';
import { isRecord } from '../../../../shared/text.ts';
import { readAll } from '../../../support/events.ts';
import { fillStore, IN_PROCESS, openSmall } from '../../../support/full-store.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const hasJq = findTestTool('jq') !== undefined;
const CUSTOMERS = ['BARCHART', 'TGAM'];
/** So few clusters that most rows are in the mixed one. */
const FEW = { ...SEAL_LIMITS, maxClusters: 1 };

/** The commands of the document, by their first line, a comment. */
async function documented(language: 'sh' | 'sql'): Promise<Map<string, string>> {
  const text = await readFile('ARCHITECTURE.md', 'utf8');
  const section = text.slice(text.indexOf('### Reading them with other tools'));
  const [, block = ''] = new RegExp(`\`\`\`${language}\n([^]*?)\n\`\`\``).exec(section) ?? [];
  const commands = block.split('\n\n').map((command) => command.split('\n'));
  return new Map(
    commands.map(([comment = '', ...lines]) => [comment.replace(/^\S+ /, ''), lines.join('\n')]),
  );
}

function named(commands: ReadonlyMap<string, string>, start: string): string {
  for (const [comment, command] of commands) if (comment.startsWith(start)) return command;
  throw new Error(`no command of ARCHITECTURE.md is for ${start}`);
}

/** A folder with a store in `data`: most of it sealed, the last of it not; and its events by the store's own word. */
async function makeStore(): Promise<{ folder: string; names: readonly string[]; logged: readonly string[] }> {
  const folder = await tempFolder();
  const data = path.join(folder, 'data');
  await fillStore(data, 40);
  const run: CompactionOptions['run'] = (task) =>
    runCompaction(task.kind === 'seal' ? { ...task, limits: FEW } : task);
  const store = await openSmall(data, { ...IN_PROCESS, run });
  onTestFinished(() => store.close());
  await store.compacted();
  const snapshot = store.snapshot();
  const all = await Promise.all(
    CUSTOMERS.map((customer) => readAll(store, { customer, product: 'PORTFOLIO' })),
  );
  const last = Math.max(...all.flat().map(({ position }) => position));
  expect(snapshot.segments).toHaveLength(1);
  const events = all.flat().map((event) => ({ name: nameOf({ ...event }), position: event.position }));
  const text = await readFile(snapshot.segments[0]?.path ?? '', 'utf8');
  const isLogged = ({ position }: { position: number }) => text.includes(`"position":${position},`);
  expect(events.some(isLogged)).toBe(true);
  expect(last).toBe(40);
  const sealed = await Promise.all(snapshot.sealed.map(({ files }) => readFile(files.data, 'utf8')));
  expect(sealed.some((lines) => lines.includes('"customer":null'))).toBe(true);
  expect(sealed.some((lines) => lines.includes('"day":"'))).toBe(true);
  return {
    folder,
    names: events.filter((event) => !isLogged(event)).map(({ name }) => name),
    logged: events.filter(isLogged).map(({ name }) => name),
  };
}

function nameOf({ customer, batch, sequence }: Readonly<Record<string, unknown>>): string {
  return [customer, batch, sequence].map(String).join(' ');
}

async function jq(folder: string, command: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('bash', ['-c', command], { cwd: folder });
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const event: unknown = JSON.parse(line);
      if (!isRecord(event)) throw new Error(`no event: ${line}`);
      expect(CUSTOMERS).toContain(event['customer']);
      expect(event['product']).toBe('PORTFOLIO');
      return nameOf(event);
    });
}

describe('the files of a store, by the commands of ARCHITECTURE.md', () => {
  it.runIf(hasJq || areToolsRequired())('are read by jq to the same events', async () => {
    const { folder, names, logged } = await makeStore();
    const commands = await documented('sh');

    const unsealed = await jq(folder, named(commands, 'every event that is not sealed yet'));
    const sealed = await jq(folder, named(commands, 'every event that is sealed'));

    expect(unsealed.toSorted()).toEqual(logged.toSorted());
    expect(sealed.toSorted()).toEqual(names.toSorted());
  });

  it('are read by DuckDB to the same counts', async () => {
    const { folder, names } = await makeStore();
    const query = named(await documented('sql'), 'events of each type that are sealed');
    const connection = await (await DuckDBInstance.create()).connect();
    onTestFinished(() => connection.closeSync());

    const result = await connection.runAndReadAll(query.replace("'data/", `'${folder}/data/`));

    expect(result.getRowsJS()).toEqual([['PORTFOLIO-ACCESSED', BigInt(names.length)]]);
  });
});
