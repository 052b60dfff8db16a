import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { batchFingerprint } from '../../../server/ingest/fingerprint.ts';
import {
  encodeBatchBody,
  MAX_PLACED_BYTES,
  writeBatchLine,
} from '../../../server/store/segments/batch-line.ts';
import { MAX_PARENTS } from '../../../shared/limits.ts';
import type { UsageEvent } from '../../../shared/event.ts';
import { EventSource, type MadeBatch } from './event-source.ts';

const LOG_BYTES = 64 * 1_048_576;
const PIECE_BYTES = 4_194_304;

type Change = (batch: MadeBatch) => readonly MadeBatch[];

/** What all of a segment is made of; beside the first, what anybody can send where there is no catalog. */
const KINDS: Readonly<Record<string, Change>> = {
  usual: (batch) => [batch],
  customers: withEvents((event) => ({ ...event, customer: randomUUID() })),
  types: withEvents((event) => ({ ...event, type: randomUUID() })),
  both: withEvents((event) => ({ ...event, customer: randomUUID(), type: randomUUID() })),
  small: (batch) => [batchOf(batch, eventsOf(batch).map(smallest))],
  batches: (batch) => eventsOf(batch).map((event) => batchOf(batch, [smallest(event)])),
  halves: (batch) =>
    eventsOf(batch).map((event) => {
      const { identity, contents } = batchOf(batch, [smallest(event)]);
      const parents = Array.from({ length: MAX_PARENTS }, () => randomUUID());
      return { identity: { ...identity, parents }, contents };
    }),
  refused: (batch) => {
    const code = 'REQUEST_PARAMETER_MISSING';
    const rejected = eventsOf(batch).map(
      (_, sequence) => ({ sequence, code, path: 'type', event: {} }) as const,
    );
    const { identity, contents } = batchOf(batch, []);
    return [{ identity, contents: { ...contents, rejected } }];
  },
};

function withEvents(change: (event: UsageEvent) => UsageEvent): Change {
  return (batch) => [batchOf(batch, eventsOf(batch).map(change))];
}

function eventsOf({ identity }: MadeBatch): readonly UsageEvent[] {
  return identity.events.filter((event) => event !== undefined);
}

/** As small as events get, each of a customer of its own. */
function smallest({ timestamp }: UsageEvent): UsageEvent {
  return { customer: randomUUID(), product: 'P', type: 'T', timestamp, context: [] };
}

function batchOf({ identity, contents }: MadeBatch, events: readonly UsageEvent[]): MadeBatch {
  return {
    identity: { ...identity, batch: randomUUID(), fingerprint: batchFingerprint(events), events },
    contents: { ...contents, events: Buffer.from(events.map((event) => JSON.stringify(event)).join(',')) },
  };
}

function lineOf({ identity, contents }: MadeBatch, position: number): Buffer {
  const body = encodeBatchBody(identity, contents);
  const bytes = Buffer.alloc(body.length + MAX_PLACED_BYTES);
  return bytes.subarray(0, writeBatchLine(body, position, undefined, bytes, 0));
}

/** Writes log segments that follow one another, for `seal-once.ts`: `KIND FILE…`. */
const [kind = '', ...paths] = process.argv.slice(2);
const change = KINDS[kind];
if (change === undefined) throw new Error(`kinds are ${Object.keys(KINDS).join(', ')}`);
const source = new EventSource(111_111);
let position = 1;
for (const path of paths) {
  const file = await open(path, 'wx');
  for (let written = 0; written < LOG_BYTES;) {
    const lines: Buffer[] = [];
    for (let bytes = 0; bytes < PIECE_BYTES;) {
      for (const batch of change(source.next())) {
        const line = lineOf(batch, position++);
        lines.push(line);
        bytes += line.length;
      }
    }
    written += (await file.write(Buffer.concat(lines))).bytesWritten;
  }
  await file.close();
}
