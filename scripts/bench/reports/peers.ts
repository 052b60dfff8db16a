import { build } from 'esbuild';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ANY_CORES } from '../cores.ts';
import { startPostgres, type Postgres } from '../ingest/postgres.ts';
import type { MadeStores } from './make-stores.ts';
import type { Maker, Query } from './maker.ts';
import {
  chdbCopySql,
  duckdbCopySql,
  duckdbLog,
  duckdbParquet,
  makeLoadFileSql,
  makeMergeTreeSqls,
  makeParquetSql,
  makePostgresSqls,
  postgresCopyCommand,
  reportSql,
} from './peer-sql.ts';
import { watchProcess, type Usage } from './watch-process.ts';

/** Kept between runs; npm asks the registry only for what is missing. */
const FOLDER = path.resolve('dist/bench/peers/reports');
const PACKAGES = ['chdb@3.4.0'];

export interface ReportPeers {
  /** Each over its own copy of the events, laid out as suits it. */
  readonly ofStore: readonly Maker[];
  stop(): Promise<void>;
}

/**
 * Installs other engines for the bench alone, and loads the events of a store into each, unless an earlier run did.
 *
 * @throws If they can't be installed, or load nothing.
 */
export async function openPeers({ folder, log }: MadeStores): Promise<ReportPeers> {
  await installPackages();
  const parquet = path.join(folder, 'sorted.parquet');
  const chdbFolder = path.join(folder, 'chdb');
  const segments = `${log}/segments/*.jsonl`;
  const [duckdb, chdb] = [
    await bundlePeer('peer-duckdb', 'dist/bench'),
    await bundlePeer('peer-chdb', FOLDER),
  ];
  await once(parquet, async (temporary) => {
    await timed('sorted Parquet', () => run(duckdb, [folder, makeParquetSql(segments, temporary)]));
  });
  await once(chdbFolder, async (temporary) => {
    await timed('MergeTree', () => run(chdb, [temporary, ...makeMergeTreeSqls(segments)]));
  });
  const postgres = await openPostgres(folder, duckdb, segments);
  const ofDuckdb = (isOrdered: boolean) => (query: Query, file: string) =>
    run(duckdb, [folder, duckdbCopySql(reportSql(duckdbParquet(parquet), query, isOrdered), file)]);
  const ofChdb = (isOrdered: boolean) => (query: Query, file: string) =>
    run(chdb, [chdbFolder, chdbCopySql(reportSql('event', query, isOrdered), file)]);
  return {
    ofStore: [
      { name: 'DuckDB, sorted Parquet', isOrdered: true, make: ofDuckdb(true) },
      { name: 'DuckDB, sorted Parquet, no ORDER BY', isOrdered: false, make: ofDuckdb(false) },
      { name: 'ClickHouse (chdb), MergeTree', isOrdered: true, make: ofChdb(true) },
      { name: 'ClickHouse (chdb), MergeTree, no ORDER BY', isOrdered: false, make: ofChdb(false) },
      {
        name: 'PostgreSQL, index, rows as they came',
        isOrdered: true,
        make: (query, file) => askPostgres(postgres, query, file),
      },
    ],
    stop: () => postgres.stop(),
  };
}

/** DuckDB over the files of a store that is not sealed. */
export async function duckdbOfLog(log: string): Promise<readonly Maker[]> {
  const duckdb = await bundlePeer('peer-duckdb', 'dist/bench');
  const table = duckdbLog(`${log}/segments/*.jsonl`);
  const make = (isOrdered: boolean) => (query: Query, file: string) =>
    run(duckdb, [path.dirname(log), duckdbCopySql(reportSql(table, query, isOrdered), file)]);
  return [
    { name: 'DuckDB, the same files', isOrdered: true, make: make(true) },
    { name: 'DuckDB, the same files, no ORDER BY', isOrdered: false, make: make(false) },
  ];
}

/** What a page of code does: every line is read and parsed; all columns but no names, no order. */
export async function readlineOfLog(log: string): Promise<Maker> {
  const script = await bundlePeer('peer-readline', 'dist/bench');
  const segments = path.join(log, 'segments');
  return {
    name: 'readline and JSON.parse',
    isOrdered: false,
    make: ({ customer, product }, file) => run(script, [segments, customer, product, file]),
  };
}

async function installPackages(): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  // Without it, npm would take the project's own for the one to change.
  await writeFile(path.join(FOLDER, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const flags = ['--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const { error, status } = spawnSync('npm', ['install', ...flags, ...PACKAGES], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (error !== undefined || status !== 0) throw new Error('npm could not install chdb');
}

async function openPostgres(folder: string, duckdb: string, segments: string): Promise<Postgres> {
  const cluster = path.join(folder, 'postgres');
  const mark = path.join(folder, 'postgres-loaded');
  if (!existsSync(mark)) await rm(cluster, { recursive: true, force: true });
  const postgres = await startPostgres(cluster, ANY_CORES);
  try {
    if (existsSync(mark)) return postgres;
    const loadFile = path.join(folder, 'load.csv');
    await run(duckdb, [folder, makeLoadFileSql(segments, loadFile)]);
    const commands = makePostgresSqls(loadFile).flatMap((command) => ['-c', command]);
    await timed('PostgreSQL', () => watchProcess(() => startPsql(postgres, commands)));
    await rm(loadFile);
    await writeFile(mark, '');
    return postgres;
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function askPostgres(postgres: Postgres, query: Query, file: string): Promise<Usage> {
  const command = postgresCopyCommand(reportSql('event', query, true), file);
  const before = postgres.cpuTime().all;
  const usage = await watchProcess(() => startPsql(postgres, ['-c', command]));
  const serverSeconds = (postgres.cpuTime().all - before) / 1e6;
  // The server's memory is shared between its processes, and not a report's alone.
  return { ...usage, cpuSeconds: usage.cpuSeconds + serverSeconds, rssMb: NaN, bytesRead: NaN };
}

function startPsql({ programs, socket }: Postgres, args: readonly string[]): ChildProcess {
  const connection = ['-h', socket, '-U', 'postgres', '-d', 'postgres'];
  const options = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...connection, ...args];
  return spawn(path.join(programs, 'psql'), options, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Bundles the entry of a process; packages are found from the folder that it is put in. */
async function bundlePeer(name: string, folder: string): Promise<string> {
  const outfile = path.resolve(folder, `${name}.js`);
  await build({
    entryPoints: [`scripts/bench/reports/${name}.ts`],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  return outfile;
}

function run(script: string, args: readonly string[]): Promise<Usage> {
  return watchProcess(() =>
    spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'inherit', 'inherit'] }),
  );
}

/** Makes a file or a folder, which appears only when it is whole. */
async function once(target: string, make: (temporary: string) => Promise<void>): Promise<void> {
  if (existsSync(target)) return;
  const temporary = `${target}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  await make(temporary);
  await rename(temporary, target);
}

async function timed(what: string, load: () => Promise<Usage>): Promise<void> {
  const { seconds, cpuSeconds, rssMb } = await load();
  const facts = `${cpuSeconds.toFixed(0)} s of processors, ${rssMb.toFixed(0)} MB`;
  process.stderr.write(`loaded ${what} in ${seconds.toFixed(0)} s: ${facts}\n`);
}
