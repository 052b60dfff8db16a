import { utf8Length } from '../../shared/text.ts';
import { hex } from '../queue/batch-id.ts';
import { type BurstRange, IN_DOUBT, type SentBatch, UNTRIED } from '../queue/records.ts';
import type { Platform } from './platform.ts';

/**
 * The two halves of a batch of at least two events, cut at half its count, rounded up.
 *
 * Their ids follow from the parent's, so that whoever splits it, and however often, makes the same two.
 *
 * @param isUnsure - Whether the server may have the parent or a part of it.
 */
export async function splitBatch(
  batch: SentBatch,
  sha1: Platform['sha1'],
  isUnsure: boolean,
): Promise<readonly SentBatch[]> {
  const parsed: unknown = JSON.parse(`[${batch.events}]`);
  const texts = Array.isArray(parsed) ? parsed.map((event: unknown) => JSON.stringify(event)) : [];
  const middle = Math.ceil(texts.length / 2);
  const whole = { ...batch, ...UNTRIED, ...(isUnsure && { refusedLease: IN_DOUBT }) };
  return [
    part(whole, texts, 0, middle, await childId(batch.id, '0', sha1)),
    part(whole, texts, middle, texts.length, await childId(batch.id, '1', sha1)),
  ];
}

/** UUID version 5 (RFC 9562): the same name under the same id is always the same. */
export async function childId(parent: string, name: string, sha1: Platform['sha1']): Promise<string> {
  const bytes = (parent.replaceAll('-', '').match(/../g) ?? []).map((pair) => parseInt(pair, 16));
  const named = Uint8Array.from([...bytes, ...new TextEncoder().encode(name)]);
  const digest = new Uint8Array(await sha1(named));
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x50;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return hex(digest.subarray(0, 16)).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function part(batch: SentBatch, texts: readonly string[], start: number, end: number, id: string): SentBatch {
  const events = texts.slice(start, end).join(',');
  return {
    ...batch,
    id,
    // Sorts where the parent was.
    order: batch.order + (start === 0 ? '0' : '1'),
    count: end - start,
    bytes: utf8Length(events),
    events,
    bursts: cutRanges(batch.bursts, start, end),
    // Reported once, although there are two batches now.
    ledger: start === 0 ? batch.ledger : null,
    parents: [...batch.parents, batch.id],
    offset: batch.offset + start,
  };
}

/** The ranges of the events from `start` to before `end`. */
function cutRanges(ranges: readonly BurstRange[], start: number, end: number): readonly BurstRange[] {
  let position = 0;
  return ranges.flatMap((range) => {
    const from = Math.max(start, position);
    const to = Math.min(end, position + range.count);
    const cut = { burst: range.burst, start: range.start + from - position, count: to - from };
    position += range.count;
    return cut.count > 0 ? [cut] : [];
  });
}
