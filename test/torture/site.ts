import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { LabFiles } from './build-lab.ts';
import { Control } from './control.ts';
import { type LabSettings, PATHS, type Variant } from './protocol.ts';

/**
 * The site that uses Waybill: serves its page, its worker, the client's files and the lab's, always, on one port.
 * The collector is somebody else.
 */
export class Site {
  readonly control = new Control();
  /** How far the clocks of pages and workers that start from now on are wrong. */
  clockOffsetMs = 0;
  /** For how long pages and workers that start from now on hold databases that they delete. */
  holdDeletionsMs = 0;
  /** Another one makes another worker: browsers compare the text. */
  workerVersion = 1;
  readonly #files: LabFiles;
  readonly #endpoint: string;
  readonly #server: Server;
  #port = 0;

  /** @param endpoint - Where its pages send events. */
  constructor(files: LabFiles, endpoint: string) {
    this.#files = files;
    this.#endpoint = endpoint;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  get origin(): string {
    return `http://localhost:${this.#port}`;
  }

  /** The address of a page for an agent. */
  pageUrl(agent: string, variant: Variant): string {
    return `${this.origin}/?agent=${agent}&variant=${variant}`;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.#port = address.port;
  }

  async stop(): Promise<void> {
    this.control.giveUpAll();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    if (await this.control.handle(request, response, url)) return;
    const isPage = url.pathname === '/' || url.pathname === PATHS.empty;
    const text = await this.#textOf(url);
    if (text === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('Content-Type', isPage ? 'text/html; charset=utf-8' : 'text/javascript');
    response.setHeader('Cache-Control', 'no-cache');
    response.end(text);
  }

  async #textOf({ pathname, searchParams }: URL): Promise<string | undefined> {
    switch (pathname) {
      case '/':
        return this.#page(searchParams);
      case PATHS.empty:
        return '<!doctype html><link rel="icon" href="data:,">';
      case PATHS.pageAgent:
        return this.#files.pageAgent;
      case PATHS.workerAgent:
        return this.#files.workerAgent;
      case PATHS.worker:
        return `// version ${this.workerVersion}
self.lab = ${this.#settings('worker')};
importScripts('${PATHS.workerAgent}');
importScripts('/waybill-sw.js');`;
      default:
        return this.#files.client(pathname.slice(1));
    }
  }

  #page(search: URLSearchParams): string {
    const worker = search.get('variant') === 'worker' ? `data-worker="${PATHS.worker}"` : '';
    return `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script>globalThis.lab = ${this.#settings(search.get('agent') ?? '')};</script>
<script src="${PATHS.pageAgent}"></script>
<script async src="/waybill.js" data-customer="BARCHART" data-product="PORTFOLIO" data-endpoint="${this.#endpoint}" ${worker}></script>`;
  }

  #settings(agent: string): string {
    const { clockOffsetMs, holdDeletionsMs } = this;
    const settings: LabSettings = { agent, clockOffsetMs, holdDeletionsMs };
    return JSON.stringify(settings);
  }
}
