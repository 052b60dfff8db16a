import { parseArgs } from 'node:util';
import { benchIngest } from './bench/ingest.ts';
import { benchSizes } from './bench/sizes.ts';

const HELP = `Usage: npm run bench -- [PART ...] [--rounds N] [--seconds N]

Parts (all of them by default):
  ingest   durable POST /events against the same Koa app without storage, 64 connections
  sizes    bytes of the browser bundles against their budgets

Options:
  --rounds N    rounds, each measuring all variants one after the other [4]
  --seconds N   length of one measurement [2]
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '2' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const parts = positionals.length === 0 ? ['ingest', 'sizes'] : positionals;
const unknown = parts.find((part) => part !== 'ingest' && part !== 'sizes');
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
if (values.help) process.stdout.write(HELP);
else if (unknown !== undefined || !(rounds >= 1) || !(seconds >= 1)) {
  process.stderr.write(HELP);
  process.exitCode = 2;
} else {
  if (parts.includes('ingest')) await benchIngest(rounds, seconds);
  if (parts.includes('sizes')) await benchSizes();
}
