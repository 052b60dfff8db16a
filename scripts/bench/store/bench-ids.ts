import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import { encodeIdLine } from '../../../server/store/segments/ids/id-line.ts';
import { IdFile } from '../../../server/store/segments/ids/id-file.ts';
import { IdFileWriter } from '../../../server/store/segments/ids/id-file-writer.ts';
import { printTable } from '../table.ts';

const MB = 1_000_000;
const LOOKS = 1_000_000;
const FINDS = 2_000;

/** Writes an id file of so many batches, and prints what it costs to have and to ask. */
export async function benchIds(folder: string, count: number): Promise<void> {
  const name = path.join(folder, `ids-${count}`);
  const pair = { data: `${name}.jsonl`, index: `${name}.index.jsonl` };
  const known: string[] = [];
  const writer = await IdFileWriter.create(pair, count);
  for (let number = 0; number < count; number++) {
    const id = nthId(number, count);
    const record = { fingerprint: `1:${randomBytes(16).toString('hex')}`, count: 10 };
    const written = writer.add(id, encodeIdLine(id, record));
    if (written !== undefined) await written;
    if (number % Math.floor(count / FINDS) === 0) known.push(id);
  }
  const { dataBytes, indexBytes } = await writer.finish();
  const opening = performance.now();
  const file = await IdFile.open(pair);
  const opened = performance.now() - opening;
  const strangers = Array.from({ length: LOOKS }, () => randomUUID());
  const looking = performance.now();
  const wrong = strangers.filter((id) => file.mayHave(id)).length;
  const looked = performance.now() - looking;
  const finding = performance.now();
  for (const id of known) if ((await file.find(id)) === undefined) throw new Error(`${id} is not found`);
  const found = performance.now() - finding;
  printTable(`An id file of ${count.toLocaleString('en')} batches`, [
    ['', 'measured', 'goal'],
    ['open, s', (opened / 1_000).toFixed(3), count > MB ? '1' : '0.3'],
    ['memory, bytes an id', (file.bytesInMemory / count).toFixed(2), '2'],
    ['memory, MB', (file.bytesInMemory / MB).toFixed(1), '100'],
    ['data, bytes an id', (dataBytes / count).toFixed(1), ''],
    ['index, bytes an id', (indexBytes / count).toFixed(1), ''],
    ['a look for a new id, ns', ((looked / LOOKS) * 1e6).toFixed(0), ''],
    ['new ids that have to be looked for on disk, %', ((wrong / LOOKS) * 100).toFixed(2), ''],
    ['finding a known id, us', ((found / known.length) * 1_000).toFixed(0), ''],
  ]);
  await file.close();
}

/** Ids in their order, spread evenly, each with a random end. */
function nthId(number: number, count: number): string {
  const start = Math.floor((number / count) * 2 ** 48)
    .toString(16)
    .padStart(12, '0');
  return `${start.slice(0, 8)}-${start.slice(8)}${randomUUID().slice(13)}`;
}
