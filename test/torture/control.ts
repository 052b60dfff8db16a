import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRecord } from '../../shared/text.ts';
import { type Claim, type Command, type Order, type Outcome, PATHS, type Report } from './protocol.ts';

/** How long a page's question is held when there is nothing to do. */
const POLL_MS = 5_000;

interface Agent {
  /** Orders without an answer, oldest first. */
  readonly orders: Order[];
  readonly waits: Map<number, { resolve(value: unknown): void; reject(error: Error): void }>;
  /** Ends the poll that is being held. */
  wake: (() => void) | undefined;
}

/** The lab's end of its pages: what they are to do, and what they say. */
export class Control {
  /** Errors and rejections that nobody handled in a page or a worker. */
  readonly faults: string[] = [];
  /** What became of `stored`, by event. */
  readonly outcomes = new Map<string, Outcome>();
  /** Where pages were told that events have been delivered to. */
  readonly claims: Claim[] = [];
  readonly #agents = new Map<string, Agent>();
  #orders = 0;

  /** A name for a page that is about to be opened. */
  newAgent(): string {
    const name = `p${this.#agents.size + 1}`;
    this.#agents.set(name, { orders: [], waits: new Map(), wake: undefined });
    return name;
  }

  /**
   * Has a page do something, as soon as it is there, exactly once however often it has to be told.
   *
   * @throws What the page throws, or that it has been given up.
   */
  order(name: string, command: Command): Promise<unknown> {
    const agent = this.#agents.get(name);
    if (!agent) throw new Error(`no page ${name}`);
    const id = ++this.#orders;
    return new Promise((resolve, reject) => {
      agent.waits.set(id, { resolve, reject });
      agent.orders.push({ id, command });
      agent.wake?.();
    });
  }

  /** The page is gone: nothing more comes of what it was to do. */
  giveUp(name: string): void {
    const agent = this.#agents.get(name);
    if (!agent) return;
    agent.orders.length = 0;
    agent.wake?.();
    for (const wait of agent.waits.values()) wait.reject(new Error(`page ${name} is gone`));
    agent.waits.clear();
  }

  giveUpAll(): void {
    for (const name of this.#agents.keys()) this.giveUp(name);
  }

  /** @returns Whether the request was for the lab. */
  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
    const name = url.searchParams.get('agent') ?? '';
    switch (url.pathname) {
      case PATHS.next:
        this.#next(name, Number(url.searchParams.get('seen')), response);
        return true;
      case PATHS.report:
        for (const report of parseReports(await readText(request))) this.#note(name, report);
        response.writeHead(204).end();
        return true;
      case PATHS.ping:
        response.writeHead(204).end();
        return true;
      default:
        return false;
    }
  }

  #next(name: string, seen: number, response: ServerResponse): void {
    const agent = this.#agents.get(name);
    if (!agent) {
      response.writeHead(404).end();
      return;
    }
    const answer = (): boolean => {
      const order = agent.orders.find(({ id }) => id > seen);
      if (order) response.setHeader('Content-Type', 'application/json').end(JSON.stringify(order));
      return order !== undefined;
    };
    if (answer()) return;
    const wake = (): void => {
      if (answer()) drop();
    };
    const timer = setTimeout(() => {
      drop();
      response.writeHead(204).end();
    }, POLL_MS);
    const drop = (): void => {
      clearTimeout(timer);
      if (agent.wake === wake) agent.wake = undefined;
    };
    agent.wake = wake;
    response.on('close', drop);
  }

  #note(name: string, report: Report): void {
    switch (report.kind) {
      case 'outcomes':
        for (const event of report.names) this.outcomes.set(event, report.outcome);
        return;
      case 'claims':
        this.claims.push(...report.claims);
        return;
      case 'fault':
        this.faults.push(report.message);
        return;
      case 'result':
      case 'failure': {
        const agent = this.#agents.get(name);
        const wait = agent?.waits.get(report.id);
        if (!agent || !wait) return;
        agent.waits.delete(report.id);
        const place = agent.orders.findIndex(({ id }) => id === report.id);
        if (place >= 0) agent.orders.splice(place, 1);
        if (report.kind === 'result') wait.resolve(report.value);
        else wait.reject(new Error(`page ${name}: ${report.message}`));
      }
    }
  }
}

function parseReports(text: string): readonly Report[] {
  const reports: unknown = JSON.parse(text);
  if (!Array.isArray(reports)) throw new Error(`no reports: ${text.slice(0, 200)}`);
  return reports.filter(isReport);
}

/** The lab's own pages are trusted with what is inside. */
function isReport(value: unknown): value is Report {
  return isRecord(value) && typeof value['kind'] === 'string';
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
