import type { Status } from '../page/api.ts';

export interface StatusTexts {
  readonly summary: string;
  readonly isWaiting: boolean;
  /** By the id of the element that shows it. */
  readonly fields: Readonly<Record<string, string>>;
}

const WORKERS: Readonly<Record<Status['worker'], string>> = {
  none: 'none: this page delivers',
  loading: 'starting',
  active: 'active',
  unavailable: 'not available: this page delivers',
};

const STORAGES: Readonly<Record<Status['storage'], string>> = {
  opening: 'can’t be read (yet)',
  indexeddb: 'IndexedDB: survives a crash',
  memory: 'memory: as long as this page',
};

/** A collector's state in words. */
export function describeStatus(status: Status, nowMs: number): StatusTexts {
  const { events, lastAnswer, ledger, nextAttemptAt, oldestAgeMs } = status;
  const lost = Object.entries(ledger).filter(([, count]) => count > 0);
  const fields = {
    events: events.toLocaleString(),
    bytes: status.bytes.toLocaleString(),
    oldest: oldestAgeMs === null ? '–' : `${describeSpan(oldestAgeMs)} ago`,
    answer: lastAnswer === null ? '–' : describeAnswer(lastAnswer, nowMs),
    next: describeNext(nextAttemptAt, nowMs),
    storage: STORAGES[status.storage],
    worker: WORKERS[status.worker],
    ledger: lost.length === 0 ? 'nothing' : lost.map(([kind, count]) => `${count} ${kind}`).join(', '),
  };
  const isTrouble = events > 0 && lastAnswer?.result === 'retry';
  const summary =
    events === 0
      ? 'Everything tracked here has been delivered.'
      : isTrouble
        ? 'The collector can’t be reached; the events are safe here.'
        : 'On their way.';
  return { summary, isWaiting: events > 0, fields };
}

function describeAnswer({ at, result, status }: NonNullable<Status['lastAnswer']>, nowMs: number): string {
  const what = status === null ? 'no answer' : `${status}, ${result}`;
  return `${what}, ${describeSpan(nowMs - at)} ago`;
}

function describeNext(at: number | null, nowMs: number): string {
  if (at === null) return 'nothing to send';
  return at <= nowMs + 500 ? 'now' : `in ${describeSpan(at - nowMs)}`;
}

function describeSpan(spanMs: number): string {
  const seconds = Math.max(0, Math.round(spanMs / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
