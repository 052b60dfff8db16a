import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { isRecord } from '../../shared/text.ts';

/** What the collector does with a request after it has stored it, or instead. */
export type Reply = 'receipt' | 'cut' | { status: number; headers?: Record<string, string>; body?: string };

/** A request as it arrived. */
export interface Arrival {
  readonly batch: string;
  readonly count: number;
  readonly atMs: number;
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
};

/**
 * A collector that records: it serves the built client and a page, stores events by (batch, sequence), and
 * answers as it is told. It can be stopped and started again on its port.
 */
export class RecordingCollector {
  readonly arrivals: Arrival[] = [];
  /** By batch id, its events as JSON texts. */
  readonly batches = new Map<string, string>();
  /** Batches that came again with other events: must stay empty. */
  readonly conflicts: string[] = [];
  reply: (arrival: Arrival) => Reply = () => 'receipt';
  readonly #assets: string;
  #server: Server | undefined;
  #port = 0;

  constructor(assets: string) {
    this.#assets = assets;
  }

  get origin(): string {
    return `http://localhost:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#handle(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, resolve));
    this.#port = portOf(server.address());
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
    return [...this.batches.values()].flatMap(readNames);
  }

  /** Values that were stored under more than one (batch, sequence), each of which must be unique: must stay empty. */
  doubles(): string[] {
    const names = this.stored();
    return names.filter((name, place) => names.indexOf(name) !== place);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.origin);
    if (pathname === '/events') return this.#store(request, response);
    if (pathname === '/') {
      const worker = searchParams.has('worker') ? 'data-worker="/waybill-sw.js"' : '';
      response.setHeader('Content-Type', 'text/html');
      response.end(
        `<!doctype html><script async src="/waybill.js" data-customer="C" data-product="P" ${worker}></script>`,
      );
      return;
    }
    try {
      const file = await readFile(join(this.#assets, pathname));
      response.setHeader('Content-Type', TYPES[extname(pathname)] ?? 'application/octet-stream');
      response.end(file);
    } catch {
      response.writeHead(404).end();
    }
  }

  async #store(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const isGzip = request.headers['content-encoding'] === 'gzip';
    const body = readBody((isGzip ? gunzipSync(bytes) : bytes).toString());
    const arrival = { batch: body.batch, count: body.events.length, atMs: Date.now() };
    this.arrivals.push(arrival);
    const reply = this.reply(arrival);
    if (reply === 'receipt' || reply === 'cut') {
      const text = JSON.stringify(body.events);
      if ((this.batches.get(body.batch) ?? text) !== text) this.conflicts.push(body.batch);
      this.batches.set(body.batch, text);
    }
    if (reply === 'cut') response.destroy();
    else if (reply === 'receipt') {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ batch: body.batch, stored: body.events.length, rejected: [] }));
    } else response.writeHead(reply.status, reply.headers).end(reply.body ?? '');
  }
}

function readBody(text: string): { batch: string; events: readonly unknown[] } {
  const body: unknown = JSON.parse(text);
  if (!isRecord(body) || !Array.isArray(body['events'])) throw new Error(`not a batch: ${text}`);
  return { batch: String(body['batch']), events: body['events'] };
}

/** The first context value of each event. */
function readNames(text: string): string[] {
  const events: unknown = JSON.parse(text);
  if (!Array.isArray(events)) return [];
  return events.map((event: unknown) => {
    const context: unknown = isRecord(event) ? event['context'] : undefined;
    return Array.isArray(context) ? String(context[0]) : '';
  });
}

function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
