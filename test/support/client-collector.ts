import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { BatchLog, parseBody, type SentBody } from './batch-log.ts';

/**
 * What the collector does with a request: store and acknowledge it (maybe late), store it and cut the answer, or
 * something else without storing it: answer otherwise, or cut it after a while.
 */
export type Reply =
  | 'receipt'
  | 'cut'
  | { readonly afterMs: number }
  | { readonly cutAfterMs: number }
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

/** A request as it arrived. */
export interface Arrival {
  readonly batch: string;
  readonly count: number;
  readonly atMs: number;
  readonly type: string;
  /** Its body as it came over the wire. */
  readonly bodyBytes: number;
  /** The head of the request, without the body. */
  readonly headBytes: number;
  readonly isGzip: boolean;
}

/** What a site serves at an address of its own. */
export interface SiteFile {
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TYPES: Readonly<Record<string, string>> = {
  '': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html',
};

/** The real server's, so that pages of other origins may send and understand the answers. */
const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET,HEAD,POST',
  'Access-Control-Allow-Headers': 'Content-Type,Content-Encoding,Prefer,Idempotency-Key,Authorization',
  'Access-Control-Expose-Headers': 'Retry-After,Preference-Applied,Date',
  'Access-Control-Max-Age': '86400',
};

/**
 * A collector that records: it serves the built client and a page, stores events by (batch, sequence), and
 * answers as it is told. It can be stopped and started again on its port.
 */
export class RecordingCollector {
  readonly arrivals: Arrival[] = [];
  /** When preflights came. */
  readonly preflights: number[] = [];
  readonly log = new BatchLog();
  reply: (arrival: Arrival) => Reply = () => 'receipt';
  /** Events that are refused by name, while their neighbours are stored. */
  refuses: (name: string) => boolean = () => false;
  /** By path: pages and scripts of a site, in place of what is served otherwise. */
  readonly files = new Map<string, SiteFile>();
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];
  readonly #assets: string;
  #server: Server | undefined;
  #port = 0;

  constructor(assets: string) {
    this.#assets = assets;
  }

  get origin(): string {
    return `http://localhost:${this.#port}`;
  }

  get conflicts(): readonly string[] {
    return this.log.conflicts;
  }

  /** The same server as another origin. */
  get otherOrigin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    // Somebody's connection may have been given the port meanwhile; it won't be for long.
    for (let tries = 1; ; tries++) {
      const server = createServer((request, response) => void this.#handle(request, response));
      try {
        await once(server.listen(this.#port), 'listening');
        this.#server = server;
        this.#port = portOf(server.address());
        return;
      } catch (error) {
        if (tries === 50) throw error;
        await delay(100);
      }
    }
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => {
      if (server) server.close(() => resolve());
      else resolve();
    });
  }

  /** The first context value of every stored event; one that was stored twice is there twice. */
  stored(): string[] {
    return this.log.names();
  }

  /** Values that were stored under more than one (batch, sequence), each of which must be unique: must stay empty. */
  doubles(): string[] {
    const seen = new Set<string>();
    return this.stored().filter((name) => seen.size === seen.add(name).size);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.origin);
    this.asked.push(pathname);
    for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value);
    if (pathname === '/events') return this.#events(request, response);
    const file = this.files.get(pathname);
    if (file) {
      response.setHeader('Content-Type', TYPES[extname(pathname)] ?? '');
      response.writeHead(200, file.headers).end(file.body);
      return;
    }
    if (pathname === '/') {
      const worker = searchParams.has('worker') ? 'data-worker="/waybill-sw.js"' : '';
      response.setHeader('Content-Type', 'text/html');
      response.end(
        `<!doctype html><script async src="/waybill.js" data-customer="C" data-product="P" ${worker}></script>`,
      );
      return;
    }
    try {
      const asset = await readFile(join(this.#assets, pathname));
      response.setHeader('Content-Type', TYPES[extname(pathname)] ?? 'application/octet-stream');
      response.end(asset);
    } catch {
      response.writeHead(404).end();
    }
  }

  async #events(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'OPTIONS') {
      this.preflights.push(Date.now());
      response.writeHead(204).end();
      return;
    }
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
    } catch {
      // Its sender is gone in the middle of it.
      return;
    }
    const bytes = Buffer.concat(chunks);
    const isGzip = request.headers['content-encoding'] === 'gzip';
    const body = parseBody((isGzip ? gunzipSync(bytes) : bytes).toString());
    const arrival: Arrival = {
      batch: body.batch,
      count: body.events.length,
      atMs: Date.now(),
      type: request.headers['content-type'] ?? '',
      bodyBytes: bytes.length,
      headBytes: headBytesOf(request),
      isGzip,
    };
    this.arrivals.push(arrival);
    await this.#answer(this.reply(arrival), body, response);
  }

  async #answer(reply: Reply, body: SentBody, response: ServerResponse): Promise<void> {
    if (typeof reply === 'object' && 'status' in reply) {
      response.writeHead(reply.status, reply.headers).end(reply.body ?? '');
      return;
    }
    if (typeof reply === 'object' && 'cutAfterMs' in reply) {
      await delay(reply.cutAfterMs);
      response.destroy();
      return;
    }
    const rejected = this.log.store(body, this.refuses);
    if (reply === 'cut') {
      response.destroy();
      return;
    }
    if (typeof reply === 'object') await delay(reply.afterMs);
    response.setHeader('Content-Type', 'application/json');
    if (rejected) response.end(JSON.stringify(receiptOf(body, rejected)));
    else {
      const value = { code: 'BATCH_SPLIT', message: 'the batch has been split', batch: body.batch };
      response.writeHead(409).end(JSON.stringify([{ value, children: [] }]));
    }
  }
}

function receiptOf({ batch, events }: SentBody, rejected: readonly number[]): unknown {
  return {
    batch,
    stored: events.length - rejected.length,
    rejected: rejected.map((sequence) => ({
      sequence,
      code: 'SCHEMA_VALIDATION_FAILURE',
      path: `events[${sequence}].type`,
      message: 'refused by the test',
    })),
  };
}

function headBytesOf({ method, url, rawHeaders }: IncomingMessage): number {
  const head = rawHeaders.reduce((sum, text) => sum + text.length, 0) + rawHeaders.length * 2;
  return `${method} ${url} HTTP/1.1\r\n\r\n`.length + head;
}

function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
