import { createReadStream, createWriteStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import { isRecord } from '../../../shared/text.ts';

/** The plain way: reads every line of a log, parses it, and writes what matches: `FOLDER CUSTOMER PRODUCT FILE`. */
const [folder = '', customer = '', product = '', file = ''] = process.argv.slice(2);
const output = createWriteStream(file);
for (const name of (await readdir(folder)).toSorted()) {
  for await (const line of createInterface({ input: createReadStream(path.join(folder, name)) })) {
    const batch: unknown = JSON.parse(line);
    const events: unknown = isRecord(batch) ? batch['events'] : undefined;
    for (const event of Array.isArray(events) ? events : []) {
      if (!isRecord(event) || event['customer'] !== customer || event['product'] !== product) continue;
      const context: readonly unknown[] = Array.isArray(event['context']) ? event['context'] : [];
      const fields = [event['timestamp'], event['type'], ...context];
      if (!output.write(`${fields.map(fieldOf).join('|')}\n`)) await once(output, 'drain');
    }
  }
}
output.end();
await finished(output);

function fieldOf(value: unknown): string {
  const text = String(value);
  return /["|\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
