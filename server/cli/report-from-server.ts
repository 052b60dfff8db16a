import { setTimeout as pause } from 'node:timers/promises';
import type { TrackedReport } from '../../shared/tracked-report.ts';
import { ReportApi } from './report-api.ts';
import type { ReportWatcher, WithReport } from './report-source.ts';
import { isPassing, openDownload } from './resumed-download.ts';

export interface ServerReports {
  readonly server: string;
  readonly user: string;
  readonly password: string;
  /** Seconds that an answer may wait for the end of a report: fewer where somebody watches. */
  readonly waitSeconds: number;
}

/** Servers of older versions answer at once, whatever they were asked to wait. */
const MIN_POLL_MS = 200;
const MAX_POLL_MS = 2_000;
/** A server that restarts has its reports afterwards. */
const MAX_FAILURES = 10;
const REMOVE_MS = 5_000;
/** For which the name of a report is waited for that nobody wants any more. */
const BEGIN_GRACE_MS = 5_000;

/** Reports of a server, over HTTP. */
export function reportsOfServer({ server, user, password, waitSeconds }: ServerReports): WithReport {
  return async (request, watcher, use) => {
    const { signal } = watcher;
    const api = new ReportApi({ server, user, password, signal });
    const begun = await api.begin(request, BEGIN_GRACE_MS).catch(inWords);
    const { source } = begun;
    try {
      const made = await ended(api, begun, watcher, waitSeconds).catch(inWords);
      if (made.status !== 'COMPLETE') throw new Error(made.error ?? `the report is ${made.status}`);
      const download = await openDownload({ link: () => api.link(source), signal }).catch(inWords);
      const { rows, bytes, sha256 } = download;
      return await use({
        rows: rows ?? made.rows,
        bytes: bytes ?? made.bytes,
        sha256: sha256 ?? made.sha256,
        read: () => download.read(),
      });
    } catch (error) {
      // Nobody waits for it any more. A server that can't be reached goes on, and forgets it in time.
      if (signal.aborted) await api.remove(source, REMOVE_MS).catch(() => undefined);
      throw error;
    }
  };
}

async function ended(
  api: ReportApi,
  begun: TrackedReport,
  { signal, onAdvance }: ReportWatcher,
  waitSeconds: number,
): Promise<TrackedReport> {
  let report = begun;
  let failures = 0;
  for (let pollMs = MIN_POLL_MS; report.status === 'RUNNING';) {
    onAdvance(report);
    const askedMs = performance.now();
    try {
      report = await api.track(begun.source, waitSeconds);
      failures = 0;
    } catch (error) {
      signal.throwIfAborted();
      if (!isPassing(error) || ++failures === MAX_FAILURES) throw error;
    }
    const restMs = pollMs - (performance.now() - askedMs);
    pollMs = Math.min(pollMs * 2, MAX_POLL_MS);
    if (report.status === 'RUNNING' && restMs > 0) await pause(restMs, undefined, { signal });
  }
  return report;
}

/** What `fetch` says of a network is "fetch failed"; its cause says why. */
function inWords(error: unknown): never {
  if (!(error instanceof TypeError) || !(error.cause instanceof Error)) throw error;
  throw new Error(`the server can not be reached: ${error.cause.message}`, { cause: error });
}
