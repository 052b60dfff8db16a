import { parseLedger } from '../../shared/batch.ts';
import { isRecord } from '../../shared/text.ts';
import type { Tab } from './engines/engine.ts';
import type { Lab } from './lab.ts';
import type { PageStatus, TrackCommand } from './protocol.ts';

/** A page of the site in the browser under test. */
export class LabPage {
  readonly agent: string;
  readonly #lab: Lab;
  readonly #tab: Tab;

  constructor(lab: Lab, agent: string, tab: Tab) {
    this.#lab = lab;
    this.agent = agent;
    this.#tab = tab;
  }

  /**
   * Tracks events named by the prefix and their numbers; resolves when each is stored, or is not.
   *
   * @returns For those that were to be tracked offline, whether the page was still offline then.
   */
  async track(
    prefix: string,
    count: number,
    options: Omit<TrackCommand, 'do' | 'prefix' | 'count'> = {},
  ): Promise<boolean> {
    this.#lab.expectNames(prefix, count);
    return Boolean(
      await this.#order({ do: 'track', prefix, count, ...options }, `${count} events to be stored`),
    );
  }

  async status(): Promise<PageStatus> {
    return parseStatus(await this.#order({ do: 'status' }, 'the status'));
  }

  async flush(): Promise<void> {
    await this.#order({ do: 'flush' }, 'flush()');
  }

  async unregister(): Promise<number> {
    return Number(await this.#order({ do: 'unregister' }, 'the worker to be unregistered'));
  }

  async updateWorker(): Promise<void> {
    await this.#order({ do: 'updateWorker' }, 'the worker to be updated');
  }

  async setClock(offsetMs: number): Promise<void> {
    await this.#order({ do: 'setClock', offsetMs }, 'the clock to be set');
  }

  async breakConnections(): Promise<number> {
    return Number(await this.#order({ do: 'breakConnections' }, 'connections to be broken'));
  }

  async raiseSchema(): Promise<void> {
    await this.#order({ do: 'raiseSchema' }, 'the schema to be upgraded');
  }

  async deleteDatabase(): Promise<void> {
    await this.#order({ do: 'deleteDatabase' }, 'the database to be deleted');
  }

  /** As a user does. */
  async close(): Promise<void> {
    await this.#lab.waitFor(`tab ${this.agent} to close`, this.#tab.close());
    this.#lab.forget(this);
  }

  #order(command: Parameters<Lab['site']['control']['order']>[1], what: string): Promise<unknown> {
    return this.#lab.waitFor(`${what} (${this.agent})`, this.#lab.site.control.order(this.agent, command));
  }
}

/** @throws If it is none. */
function parseStatus(value: unknown): PageStatus {
  const status = isRecord(value) ? value : {};
  const ledger = parseLedger(status['ledger']);
  if (!ledger) throw new Error(`no status: ${JSON.stringify(value)}`);
  const { events, unstored, storage, worker, lastStatus, nextAttemptInMs, losses } = status;
  return {
    events: Number(events),
    unstored: Number(unstored),
    storage: String(storage),
    worker: String(worker),
    lastStatus: typeof lastStatus === 'number' ? lastStatus : null,
    nextAttemptInMs: typeof nextAttemptInMs === 'number' ? nextAttemptInMs : null,
    ledger,
    losses: Object.fromEntries(
      Object.entries(isRecord(losses) ? losses : {}).map(([reason, count]) => [reason, Number(count)]),
    ),
  };
}
