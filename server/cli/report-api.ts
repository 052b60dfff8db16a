import { REPORT_PATHS, ROUTES } from '../../shared/routes.ts';
import { isRecord } from '../../shared/text.ts';
import type { TrackedReport } from '../../shared/tracked-report.ts';
import { parseTrackedReport } from './parse-tracked-report.ts';
import { ServerRefusal, refusalOf } from './server-refusal.ts';

export interface ReportApiOptions {
  /** Base address of the server, such as `https://events.example`. */
  readonly server: string;
  readonly user: string;
  readonly password: string;
  /** Ends whatever is asked. */
  readonly signal: AbortSignal;
}

/** An answer takes at most this long, besides what the server was asked to wait. */
const ANSWER_MS = 60_000;

/** The report routes of a server, as a user of it. Each call may throw `ServerRefusal`, or an error of the network. */
export class ReportApi {
  readonly #base: string;
  readonly #authorization: string;
  readonly #signal: AbortSignal;
  #hasProgress = true;

  /** @throws Error in words for the person at the terminal if the address is none. */
  constructor({ server, user, password, signal }: ReportApiOptions) {
    this.#base = checkedBase(server);
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    this.#signal = signal;
  }

  /**
   * Begins a report.
   *
   * @param graceMs - For which its answer is waited for though all else is being ended: a report whose name nobody has
   *   heard can't be removed.
   */
  async begin(request: unknown, graceMs: number): Promise<TrackedReport> {
    this.#signal.throwIfAborted();
    const late = new AbortController();
    const onAbort = (): void => {
      setTimeout(() => late.abort(this.#signal.reason), graceMs).unref();
    };
    this.#signal.addEventListener('abort', onAbort, { once: true });
    const headers = { 'Content-Type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(request) };
    try {
      const response = await this.#ask(ROUTES.reports, init, { signal: late.signal });
      return parseTrackedReport(await response.json());
    } finally {
      this.#signal.removeEventListener('abort', onAbort);
    }
  }

  /**
   * How a report is doing.
   *
   * @param waitSeconds - The server may wait so long for its end; servers of older versions answer at once.
   */
  async track(source: string, waitSeconds: number): Promise<TrackedReport> {
    const headers = { Prefer: `wait=${waitSeconds}` };
    const waitMs = waitSeconds * 1_000;
    if (this.#hasProgress) {
      try {
        const response = await this.#ask(REPORT_PATHS.progress(source), { headers }, { waitMs });
        return parseTrackedReport(await response.json());
      } catch (error) {
        if (!(error instanceof ServerRefusal) || error.code !== 'RESOURCE_NOT_FOUND') throw error;
        this.#hasProgress = false;
      }
    }
    const response = await this.#ask(REPORT_PATHS.availability(source), { headers }, { waitMs });
    return parseTrackedReport(await response.json());
  }

  /** A link to the file of a report that is COMPLETE, good for some minutes. */
  async link(source: string): Promise<string> {
    const headers = { Accept: 'application/json' };
    const answer: unknown = await (await this.#ask(REPORT_PATHS.report(source), { headers })).json();
    if (!isRecord(answer) || typeof answer['link'] !== 'string') throw new Error('the server gave no link');
    return answer['link'];
  }

  /**
   * Stops a report and removes it; also where everything else is being ended.
   *
   * @param maxMs - For which it is tried.
   */
  async remove(source: string, maxMs: number): Promise<void> {
    const signal = AbortSignal.timeout(maxMs);
    const headers = { Authorization: this.#authorization };
    const response = await fetch(`${this.#base}${REPORT_PATHS.report(source)}`, {
      method: 'DELETE',
      headers,
      signal,
    });
    await response.body?.cancel();
  }

  async #ask(
    path: string,
    init: Omit<RequestInit, 'signal' | 'headers'> & { readonly headers: Readonly<Record<string, string>> },
    {
      waitMs = 0,
      signal: end = this.#signal,
    }: { readonly waitMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Response> {
    const signal = AbortSignal.any([end, AbortSignal.timeout(ANSWER_MS + waitMs)]);
    const headers = { ...init.headers, Authorization: this.#authorization };
    const response = await fetch(`${this.#base}${path}`, { ...init, headers, signal });
    if (!response.ok) throw await refusalOf(response);
    return response;
  }
}

function checkedBase(server: string): string {
  const url = /^https?:\/\//.test(server) && URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || url.search !== '' || url.hash !== '')
    throw new Error(`--server must be an address such as https://events.example, not "${server}"`);
  if (url.username !== '' || url.password !== '')
    throw new Error(
      '--server must not hold a user: name it with --user, and give the password apart from it',
    );
  return url.href.replace(/\/+$/, '');
}
