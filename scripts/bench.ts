import { parseArgs } from 'node:util';
import { benchClient } from './bench/client.ts';
import { benchIngest } from './bench/ingest.ts';
import { benchReports } from './bench/reports.ts';
import { benchSizes } from './bench/sizes.ts';
import { benchStore } from './bench/store.ts';

const HELP = `Usage: npm run bench -- [PART ...] [--rounds N] [--seconds N] [--millions N] [--peers] [--fresh] [--one-core]

Parts (ingest and sizes unless named):
  ingest   durable POST /events against the same Koa app without storage, 64 connections
  store    what grows with what is stored: ingest, bytes an event, a day's report, start, sealing; three minutes
  reports  time, memory and bytes read of a report, from ten million events and from one, sealed and not; three minutes,
           and three more the first time: the data stay in dist/bench/reports-N
  sizes    bytes of the browser bundles against their budgets
  client   what tracking costs a page and the network, in a real Chromium (CHROMIUM names another one),
           against the same page without an SDK and with a fetch() an event; about five minutes

Options:
  --rounds N    rounds, each measuring all variants one after the other [4]
  --seconds N   length of one measurement of ingest [2]
  --millions N  store, reports: events, in millions [10]; reports of more only Waybill's
  --peers       client: also the SDKs of Amplitude and Snowplow, installed with npm into dist/bench/peers;
                ingest: also SQLite and PostgreSQL behind the same Koa app; as root PostgreSQL is installed with apt;
                reports: also DuckDB on Parquet, ClickHouse (chdb, half a gigabyte) and PostgreSQL
  --fresh       reports: make the data again
  --one-core    ingest: every server with all its processes on one core, wrk on the others (taskset)
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '2' },
    millions: { type: 'string', default: '10' },
    peers: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    'one-core': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const parts = positionals.length === 0 ? ['ingest', 'sizes'] : positionals;
const unknown = parts.find((part) => !['ingest', 'store', 'reports', 'sizes', 'client'].includes(part));
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const millions = Number(values.millions);
if (values.help) process.stdout.write(HELP);
else if (unknown !== undefined || !(rounds >= 1) || !(seconds >= 1) || !(millions >= 1)) {
  process.stderr.write(HELP);
  process.exitCode = 2;
} else {
  if (parts.includes('ingest')) await benchIngest(rounds, seconds, values.peers, values['one-core']);
  if (parts.includes('store')) await benchStore(millions);
  if (parts.includes('reports'))
    await benchReports({ millions, rounds, withPeers: values.peers, isFresh: values.fresh });
  if (parts.includes('sizes')) await benchSizes();
  if (parts.includes('client')) await benchClient(rounds, values.peers);
}
