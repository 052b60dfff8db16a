import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { batchFingerprint } from '../../../server/ingest/fingerprint.ts';
import { encodeBatchBody, MAX_PLACED_BYTES, writeBatchLine } from '../../../server/store/segments/batch-line.ts';
import type { UsageEvent } from '../../../shared/event.ts';
import { EventSource, type MadeBatch } from './event-source.ts';

const LOG_BYTES = 64 * 1_048_576;
const PIECE_BYTES = 4_194_304;

/** What anybody can send where there is no catalog; of each kind all of a segment. */
const KINDS: Readonly<Record<string, (events: readonly UsageEvent[]) => readonly (readonly UsageEvent[])[]>> =
  {
    usual: (events) => [events],
    customers: (events) => [events.map((event) => ({ ...event, customer: randomUUID() }))],
    types: (events) => [events.map((event) => ({ ...event, type: randomUUID() }))],
    both: (events) => [events.map((event) => ({ ...event, customer: randomUUID(), type: randomUUID() }))],
    // As small as events get, each a batch of its own.
    batches: (events) =>
      events.map(({ timestamp }) => [
        { customer: randomUUID(), product: 'P', type: 'T', timestamp, context: [] },
      ]),
  };

/** Writes a log segment of events of a kind, for `seal-once.ts`: `FILE KIND`. */
const [path = '', kind = ''] = process.argv.slice(2);
const change = KINDS[kind];
if (change === undefined) throw new Error(`kinds are ${Object.keys(KINDS).join(', ')}`);
const source = new EventSource(111_111);
const file = await open(path, 'wx');
let written = 0;
let position = 1;
while (written < LOG_BYTES) {
  const lines: Buffer[] = [];
  for (let bytes = 0; bytes < PIECE_BYTES;) {
    for (const batch of changed(source.next(), change)) {
      const line = lineOf(batch, position++);
      lines.push(line);
      bytes += line.length;
    }
  }
  const { bytesWritten } = await file.write(Buffer.concat(lines));
  written += bytesWritten;
}
await file.close();

function changed(
  { identity, contents }: MadeBatch,
  to: (events: readonly UsageEvent[]) => readonly (readonly UsageEvent[])[],
): readonly MadeBatch[] {
  const sent = identity.events.filter((event) => event !== undefined);
  return to(sent).map((events) => ({
    identity: { ...identity, batch: randomUUID(), fingerprint: batchFingerprint(events), events },
    contents: { ...contents, events: Buffer.from(events.map((event) => JSON.stringify(event)).join(',')) },
  }));
}

function lineOf({ identity, contents }: MadeBatch, at: number): Buffer {
  const body = encodeBatchBody(identity, contents);
  const bytes = Buffer.alloc(body.length + MAX_PLACED_BYTES);
  return bytes.subarray(0, writeBatchLine(body, at, undefined, bytes, 0));
}
