import { setTimeout as pause } from 'node:timers/promises';
import { refusalOf, ServerRefusal } from './server-refusal.ts';

export interface Download {
  /** Rows that the file has; null if the server does not say. */
  readonly rows: number | null;
  /** Bytes of it; null likewise. */
  readonly bytes: number | null;
  /** Of it, in hex; null likewise. */
  readonly sha256: string | null;
  /** The bytes, once; goes on where a connection was cut. */
  read(): AsyncGenerator<Uint8Array, void, undefined>;
}

export interface DownloadOptions {
  /** A link that is good now; asked for again when one has expired. */
  readonly link: () => Promise<string>;
  readonly signal: AbortSignal;
  /** Wait after the first failure, doubled after each that follows it, by default half a second. */
  readonly retryMs?: number;
}

/** So many connections in a row that bring nothing are the end. */
const MAX_FAILURES = 6;
const RETRY_MS = 500;

/**
 * Begins to download a report.
 *
 * @throws ServerRefusal, or Error in words for the person at the terminal.
 */
export async function openDownload(options: DownloadOptions): Promise<Download> {
  const download = new ResumedDownload(options);
  const { headers } = await download.open();
  const digest = /\bsha-256=:([A-Za-z0-9+/]+=*):/.exec(headers.get('Repr-Digest') ?? '')?.[1];
  return {
    rows: count(headers.get('Waybill-Row-Count')),
    bytes: count(headers.get('Content-Length')),
    sha256: digest === undefined ? null : Buffer.from(digest, 'base64').toString('hex'),
    read: () => download.read(),
  };
}

class ResumedDownload {
  readonly #options: DownloadOptions;
  #link: string | undefined;
  #tag: string | null = null;
  #size: number | null = null;
  #response: Response | undefined;
  #position = 0;
  #failures = 0;

  constructor(options: DownloadOptions) {
    this.#options = options;
  }

  /** The first answer, or the next one after a cut. */
  async open(): Promise<Response> {
    for (;;) {
      try {
        this.#response = await this.#request();
        return this.#response;
      } catch (error) {
        await this.#afterFailure(error);
      }
    }
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const response = this.#response ?? (await this.open());
      this.#response = undefined;
      let surplus = response.status === 206 ? 0 : this.#position;
      const body: AsyncIterable<Uint8Array> | readonly Uint8Array[] = response.body ?? [];
      try {
        for await (const chunk of body) {
          // Of a whole answer to a part that was asked for.
          const rest = chunk.subarray(Math.min(surplus, chunk.length));
          surplus -= chunk.length - rest.length;
          if (rest.length === 0) continue;
          this.#position += rest.length;
          this.#failures = 0;
          yield rest;
        }
        if (this.#size === null || this.#position === this.#size) return;
        throw new CutError();
      } catch (error) {
        await this.#afterFailure(error);
      }
    }
  }

  async #request(): Promise<Response> {
    this.#link ??= await this.#options.link();
    const isRest = this.#position > 0;
    const response = await fetch(this.#link, {
      signal: this.#options.signal,
      headers: {
        // As it is in the file, which is what the digest is of.
        'Accept-Encoding': 'identity',
        ...(isRest && { Range: `bytes=${this.#position}-` }),
        ...(isRest && this.#tag !== null && { 'If-Range': this.#tag }),
      },
    });
    if (!response.ok) {
      const refusal = await refusalOf(response);
      if (response.status === 403) this.#link = undefined;
      throw refusal;
    }
    const tag = response.headers.get('ETag');
    if (!isRest) {
      this.#tag = tag;
      this.#size = count(response.headers.get('Content-Length'));
    } else if (!this.#continues(response)) {
      await response.body?.cancel();
      throw new ServerRefusal(
        response.status,
        '',
        'the report has changed while it was downloaded: start again',
      );
    }
    return response;
  }

  /** Whether an answer is of what has come so far: its rest, or the whole. */
  #continues({ status, headers }: Response): boolean {
    if (this.#tag === null || headers.get('ETag') !== this.#tag) return false;
    return status === 200 || headers.get('Content-Range')?.startsWith(`bytes ${this.#position}-`) === true;
  }

  /** Resolves when it may be tried again. */
  async #afterFailure(error: unknown): Promise<void> {
    const { signal, retryMs = RETRY_MS } = this.#options;
    signal.throwIfAborted();
    this.#failures++;
    if (!isPassing(error) || this.#failures >= MAX_FAILURES) throw error;
    await pause(retryMs * 2 ** (this.#failures - 1), undefined, { signal });
  }
}

class CutError extends Error {
  constructor() {
    super('the connection was cut');
    this.name = 'CutError';
  }
}

/** Whether trying again may help: the network, a server that restarts, a link that has expired. */
export function isPassing(error: unknown): boolean {
  // What `fetch` throws for all that can happen to a connection is a TypeError.
  if (error instanceof TypeError || error instanceof CutError) return true;
  if (!(error instanceof ServerRefusal)) return error instanceof Error && error.name === 'TimeoutError';
  return error.status >= 500 || error.status === 429 || error.code === 'LINK_INVALID';
}

function count(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
