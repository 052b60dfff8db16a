import { type Ledger, parseLedger } from '../../shared/batch.ts';
import { isRecord } from '../../shared/text.ts';
import type { RecordingCollector } from '../support/client-collector.ts';
import { launchServer, type ServerProcess } from '../support/launch-server.ts';
import { parseCsv } from '../support/parse-csv.ts';
import { downloadReport } from '../support/report-client.ts';
import type { StoredEvent } from './judge.ts';

/** Where events go, and what is known of them there. */
export interface Target {
  /** Where pages send them. */
  readonly endpoint: string;
  arrived(): Promise<readonly StoredEvent[]>;
  conflicts(): readonly string[];
  /** The sums of the losses that batches reported. */
  reported(): Promise<Ledger>;
  stop(): Promise<void>;
}

export function recordingTarget(collector: RecordingCollector): Target {
  return {
    endpoint: `${collector.origin}/events`,
    arrived: () => Promise.resolve(collector.log.entries()),
    conflicts: () => collector.conflicts,
    reported: () => Promise.resolve(collector.log.ledger),
    stop: () => collector.stop(),
  };
}

/** The real server in a process of its own, which can be killed and started again on its port. */
export class ServerTarget implements Target {
  #server: ServerProcess;

  constructor(server: ServerProcess) {
    this.#server = server;
  }

  get endpoint(): string {
    return `${this.#server.url.replace('127.0.0.1', 'localhost')}/events`;
  }

  async kill(): Promise<void> {
    await this.#server.stop('SIGKILL');
  }

  async start(): Promise<void> {
    const { dataFolder, port } = this.#server;
    this.#server = await launchServer({ dataFolder, port });
  }

  /** What a report says; the server alone knows the batches, so an event's place in it stands for them. */
  async arrived(): Promise<readonly StoredEvent[]> {
    const filter = { customer: 'BARCHART', product: 'PORTFOLIO' };
    const [, ...rows] = parseCsv(await downloadReport(this.#server.url, { filter }));
    return rows.map((row, sequence) => ({ name: String(row[2]), batch: 'report', sequence }));
  }

  /** It refuses them by itself. */
  conflicts(): readonly string[] {
    return [];
  }

  async reported(): Promise<Ledger> {
    const health: unknown = await (await fetch(`${this.#server.url}/service/health`)).json();
    const ledger = parseLedger(isRecord(health) ? health['ledger'] : undefined);
    if (!ledger) throw new Error('the server reports no ledger');
    return ledger;
  }

  async stop(): Promise<void> {
    await this.#server.stop('SIGKILL');
  }
}
