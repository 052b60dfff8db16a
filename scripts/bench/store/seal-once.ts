import { stat } from 'node:fs/promises';
import path from 'node:path';
import { runCompaction } from '../../../server/store/segments/compaction/run-compaction.ts';

/**
 * Seals log segments, one after the other, into a folder: `FOLDER SEGMENT…`. Prints what that took since the
 * process began, as the operating system counts it.
 */
const [folder = '', ...sources] = process.argv.slice(2);
let bytes = 0;
for (const [number, source] of sources.entries()) {
  const pair = (name: string) => ({
    data: path.join(folder, `${name}-${number}.jsonl`),
    index: path.join(folder, `${name}-${number}.index.jsonl`),
  });
  const { size } = await stat(source);
  bytes += size;
  await runCompaction({
    kind: 'seal',
    source: { path: source, length: size, dropped: [] },
    sealed: pair('sealed'),
    ids: pair('ids'),
  });
}
const { user, system } = process.cpuUsage();
const { maxRSS } = process.resourceUsage();
process.stdout.write(
  `${JSON.stringify({ bytes, cpuSeconds: (user + system) / 1e6, rssMb: maxRSS / 1_024 })}\n`,
);
