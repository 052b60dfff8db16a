import { stat } from 'node:fs/promises';
import path from 'node:path';
import { runCompaction } from '../../../server/store/segments/compaction/run-compaction.ts';

/** Seals the log segment that the first argument names into the folder of the second; prints what that took. */
const [source = '', folder = ''] = process.argv.slice(2);
const pair = (name: string) => ({
  data: path.join(folder, `${name}.jsonl`),
  index: path.join(folder, `${name}.index.jsonl`),
});
const { size } = await stat(source);
await runCompaction({
  kind: 'seal',
  source: { path: source, length: size, dropped: [] },
  sealed: pair('sealed-once'),
  ids: pair('ids-once'),
});
// Since the start of the process, as the operating system counts it.
const { user, system } = process.cpuUsage();
const { maxRSS } = process.resourceUsage();
process.stdout.write(`${JSON.stringify({ cpuSeconds: (user + system) / 1e6, rssMb: maxRSS / 1_024 })}\n`);
