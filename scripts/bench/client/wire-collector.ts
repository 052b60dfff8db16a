import { createServer, type IncomingMessage, type ServerResponse, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { isRecord } from '../../../shared/text.ts';

/** One request as it came over the wire. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  /** Of the page that sent it. */
  readonly origin: string;
  readonly isGzip: boolean;
  /** Line, headers and body. */
  readonly wireBytes: number;
  readonly bodyBytes: number;
  readonly events: number;
  readonly atMs: number;
}

/** What to answer instead of a receipt. */
export interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers to GET requests. */
export type Files = (
  path: string,
) => { readonly type: string; readonly content: string | Buffer } | undefined;

/** How long browsers may keep the answer to a preflight: longer than any measurement. */
const MAX_AGE_SECONDS = 3_600;

/**
 * A collector on another origin than its pages that counts: every request with its bytes as they came out of
 * the socket, events by the array that holds them in our own and in other products' bodies.
 */
export class WireCollector {
  readonly requests: WireRequest[] = [];
  /** Decides about each POST, by the origin of its page. */
  refuse: (origin: string) => Refusal | undefined = () => undefined;
  readonly #files: Files;
  readonly #read = new WeakMap<Socket, number>();
  #server: Server | undefined;
  #port = 0;

  /** @param files - Served to whoever asks; any host name under `localhost` leads here. */
  constructor(files: Files) {
    this.#files = files;
  }

  /** An origin that is served by this server: each name has storage and workers of its own. */
  origin(name = ''): string {
    return `http://${name === '' ? '' : `${name}.`}localhost:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#handle(request, response));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, resolve);
    });
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  /** Until `start`, connections are refused. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => {
      if (server) server.close(() => resolve());
      else resolve();
    });
  }

  /** The POST requests of the pages of this origin, since the given place in `requests`. */
  posts(origin: string, since = 0): readonly WireRequest[] {
    return this.requests.slice(since).filter((item) => item.method === 'POST' && item.origin === origin);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
    } catch {
      // The page went away in the middle of its request: nobody waits for an answer.
      return;
    }
    const { method = '', url = '/', socket } = request;
    const wireBytes = socket.bytesRead - (this.#read.get(socket) ?? 0);
    this.#read.set(socket, socket.bytesRead);
    const file = method === 'GET' ? this.#files(new URL(url, this.origin()).pathname) : undefined;
    const origin = request.headers.origin ?? '';
    response.setHeader('Access-Control-Allow-Origin', origin === '' ? '*' : origin);
    response.setHeader('Access-Control-Allow-Credentials', 'true');
    if (file) {
      // Isolated pages have a clock of 5 µs, others one of 100.
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'credentialless');
      response.setHeader('Content-Type', file.type).end(file.content);
    } else if (method === 'GET') response.writeHead(404).end();
    else this.#answer(request, response, Buffer.concat(chunks), wireBytes);
  }

  #answer(request: IncomingMessage, response: ServerResponse, bytes: Buffer, wireBytes: number): void {
    const { method = '', headers } = request;
    const { origin = '' } = headers;
    const isGzip = headers['content-encoding'] === 'gzip';
    const body = method === 'POST' ? readBody(isGzip ? gunzipSync(bytes) : bytes) : undefined;
    this.requests.push({
      method,
      path: request.url ?? '',
      origin,
      isGzip,
      wireBytes,
      bodyBytes: bytes.length,
      events: body?.events ?? 0,
      atMs: Date.now(),
    });
    const refusal = method === 'POST' ? this.refuse(origin) : undefined;
    if (method === 'OPTIONS') {
      response.writeHead(204, {
        'Access-Control-Allow-Methods': 'POST',
        // As our server: all that our client may ever send, or a gzipped body costs a preflight of its own.
        'Access-Control-Allow-Headers': 'Content-Type,Content-Encoding',
        'Access-Control-Max-Age': MAX_AGE_SECONDS,
      });
      response.end();
    } else if (refusal) {
      const exposed = { 'Access-Control-Expose-Headers': 'Retry-After, Date' };
      response.writeHead(refusal.status, { ...exposed, ...refusal.headers }).end();
    } else {
      const stored = body?.events ?? 0;
      response.setHeader('Content-Type', 'application/json');
      // Ours reads the first three, Amplitude's the last.
      response.end(JSON.stringify({ batch: body?.batch, stored, rejected: [], code: 200 }));
    }
  }
}

/** Snowplow calls its events `data`. */
function readBody(bytes: Buffer): { readonly batch: string; readonly events: number } {
  const body: unknown = JSON.parse(bytes.toString());
  const fields = isRecord(body) ? body : {};
  const list = fields['events'] ?? fields['data'];
  return { batch: String(fields['batch']), events: Array.isArray(list) ? list.length : 0 };
}
