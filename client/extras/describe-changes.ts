import type { Status } from '../page/api.ts';

/**
 * What differs between two statuses, in words.
 *
 * @param before - Undefined to describe all of `now`.
 */
export function describeChanges(before: Status | undefined, now: Status, nowMs: number): readonly string[] {
  const old = before ? parts(before, nowMs) : [];
  return parts(now, nowMs).filter((text, index) => text !== old[index]);
}

function parts(status: Status, nowMs: number): readonly string[] {
  const { batches, bytes, events, lastAnswer, losses, nextAttemptAt, unstored } = status;
  const lost = Object.entries(losses).map(([reason, count]) => `${count} ${reason}`);
  return [
    `${events} waiting${unstored > 0 ? `, ${unstored} of them only in memory` : ''}, ${batches} batches, ${bytes} bytes`,
    nextAttemptAt === null ? 'no attempt planned' : `next attempt ${describeTime(nextAttemptAt, nowMs)}`,
    lastAnswer
      ? `last answer ${lastAnswer.status ?? 'none'} (${lastAnswer.result}) at ${new Date(lastAnswer.at).toISOString()}`
      : 'no answer yet',
    `storage ${status.storage}`,
    `worker ${status.worker}`,
    `consent ${status.consent}`,
    lost.length > 0 ? `lost so far: ${lost.join(', ')}` : 'nothing lost',
  ];
}

/** The time itself as well: only that makes two descriptions of it equal. */
function describeTime(at: number, nowMs: number): string {
  const date = new Date(at).toISOString();
  return at > nowMs ? `at ${date}` : `due since ${date}`;
}
