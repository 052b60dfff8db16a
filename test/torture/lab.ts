import { setTimeout as delay } from 'node:timers/promises';
import { EMPTY_LEDGER, LEDGER_KEYS } from '../../shared/batch.ts';
import type { RecordingCollector } from '../support/client-collector.ts';
import type { Browser, Engine, LaunchOptions } from './engines/engine.ts';
import { type Evidence, namesOf } from './judge.ts';
import { LabPage } from './page.ts';
import { type PageStatus, PATHS, type Variant } from './protocol.ts';
import type { Site } from './site.ts';
import type { ServerTarget, Target } from './target.ts';

const POLL_MS = 50;

/** A browser's start and first page on a busy machine. */
const READY_LIMIT_MS = 30_000;

/** From the end of the trouble until all has arrived: a few backoffs. */
const REST_LIMIT_MS = 45_000;

const GLANCE_LIMIT_MS = 5_000;

export interface LabParts {
  readonly engine: Engine;
  readonly variant: Variant;
  readonly profile: string;
  readonly site: Site;
  readonly target: Target;
  readonly collector: RecordingCollector | undefined;
  readonly server: ServerTarget | undefined;
  readonly launch: LaunchOptions;
}

/** One scenario's browser, site and collector, and what has been seen of them. */
export class Lab {
  readonly engine: Engine;
  readonly variant: Variant;
  readonly site: Site;
  /** Events that are outside the guarantee, e.g. because the user has cleared the storage. */
  readonly excused = new Set<string>();
  readonly #parts: LabParts;
  readonly #ordered = new Map<string, number>();
  readonly #findings: string[] = [];
  readonly #remarks: string[] = [];
  /** What the engine has noted of databases that it made. */
  readonly #newDatabases = new Set<string>();
  readonly #waits = new Set<string>();
  readonly #pages = new Set<LabPage>();
  #browser: Browser | undefined;
  #lastStatus: PageStatus | undefined;
  #isOver = false;

  constructor(parts: LabParts) {
    this.#parts = parts;
    this.engine = parts.engine;
    this.variant = parts.variant;
    this.site = parts.site;
  }

  get collector(): RecordingCollector {
    if (!this.#parts.collector) throw new Error('this scenario uses the real server');
    return this.#parts.collector;
  }

  get server(): ServerTarget {
    if (!this.#parts.server) throw new Error('this scenario uses no real server');
    return this.#parts.server;
  }

  get browser(): Browser {
    if (!this.#browser) throw new Error('no browser is running');
    return this.#browser;
  }

  /** What is being waited for just now. */
  get waits(): readonly string[] {
    return [...this.#waits];
  }

  /** Starts the browser, again with the same profile. Its first tab stays empty, so that others can be closed. */
  async launch(launch = this.#parts.launch): Promise<void> {
    const { engine, profile } = this.#parts;
    // Chromium limits what the origin of its first tab stores.
    const url = launch.quotaBytes === undefined ? 'about:blank' : `${this.site.origin}${PATHS.empty}`;
    this.#browser = await this.waitFor('the browser to start', engine.launch(profile, url, launch));
    if (this.#isOver) await this.end();
  }

  /** Opens a page of the site and waits until its collector delivers, in the way that is being tested. */
  async open(): Promise<LabPage> {
    const page = await this.openUnready();
    const worker = this.variant === 'worker' ? 'active' : 'none';
    await this.until(`page ${page.agent} to be ready`, async () => {
      const status = await page.status();
      return status.worker === worker && status.storage === 'indexeddb';
    });
    return page;
  }

  /** Opens a page of the site. */
  async openUnready(variant: Variant = this.variant): Promise<LabPage> {
    if (!this.#browser) await this.launch();
    const agent = this.site.control.newAgent();
    const url = this.site.pageUrl(agent, variant);
    const tab = await this.waitFor(`tab ${agent} to open`, this.browser.openTab(url));
    const page = new LabPage(this, agent, tab);
    this.#pages.add(page);
    return page;
  }

  /** SIGKILL, in the middle of whatever is going on. */
  async kill(): Promise<void> {
    await this.#leave((browser) => browser.kill());
  }

  /** Between two lives of the browser. */
  async damageDatabases(): Promise<void> {
    await this.engine.damageDatabases?.(this.#parts.profile);
  }

  /** Between two lives of the browser. */
  async tearDatabases(): Promise<void> {
    await this.engine.tearDatabases?.(this.#parts.profile);
  }

  /**
   * Whether the browser has begun with a new database, as far as it tells, since this was last asked; the first one does
   * not count. It excuses nothing, but is remarked: what is missing may have been in the one before.
   */
  async hasNewDatabase(): Promise<boolean> {
    const { engine, profile } = this.#parts;
    const hadAny = this.#newDatabases.size > 0;
    const noted = (await engine.newDatabases?.(profile)) ?? [];
    const made = noted.filter((text) => !this.#newDatabases.has(text));
    for (const text of made) this.#newDatabases.add(text);
    const isNew = hadAny && made.length > 0;
    if (isNew)
      this.#remarks.push('the browser was started again and its database was gone: it made a new one');
    return isNew;
  }

  /** As a user ends it. */
  async quit(): Promise<void> {
    await this.#leave((browser) => browser.close());
  }

  /** Has a page track; it need not live to tell. */
  startTracking(page: LabPage, ...args: Parameters<LabPage['track']>): void {
    page.track(...args).catch(() => undefined);
  }

  /** Waits for a condition. */
  async until(
    what: string,
    isReached: () => boolean | Promise<boolean>,
    limitMs = READY_LIMIT_MS,
  ): Promise<void> {
    await this.waitFor(what, this.#poll(what, isReached, limitMs));
  }

  /** Waits for something, and remembers that it does. */
  async waitFor<Value>(what: string, work: Promise<Value>): Promise<Value> {
    if (this.#isOver) throw new Error('the scenario is over');
    this.#waits.add(what);
    try {
      return await work;
    } finally {
      this.#waits.delete(what);
    }
  }

  async sleep(delayMs: number): Promise<void> {
    await this.waitFor(`${delayMs} ms to go by`, delay(delayMs));
  }

  /** Waits until all that is known to be stored has arrived, without asking any page. */
  async untilArrived(limitMs = REST_LIMIT_MS): Promise<void> {
    await this.until(
      'all that is stored to arrive',
      async () => (await this.missing()).length === 0,
      limitMs,
    );
  }

  /** What a scenario expects besides the guarantee. */
  check(isTrue: boolean, finding: string): void {
    if (!isTrue) this.#findings.push(finding);
  }

  /** Everything tracked so far is outside the guarantee. */
  excuseAll(): void {
    for (const [prefix, count] of this.#ordered)
      for (const name of namesOf(prefix, count)) this.excused.add(name);
  }

  expectNames(prefix: string, count: number): void {
    if (this.#ordered.has(prefix)) throw new Error(`the prefix ${prefix} is taken`);
    this.#ordered.set(prefix, count);
  }

  forget(page: LabPage): void {
    this.site.control.giveUp(page.agent);
    this.#pages.delete(page);
  }

  /** What was stored on the device and has not arrived. */
  async missing(): Promise<readonly string[]> {
    const arrived = new Set((await this.#parts.target.arrived()).map(({ name }) => name));
    return [...this.site.control.outcomes]
      .filter(([name, outcome]) => outcome === 'stored' && !arrived.has(name) && !this.excused.has(name))
      .map(([name]) => name);
  }

  /** Waits until nothing is left that could still come, or come again; then asks what was lost. */
  async rest(limitMs = REST_LIMIT_MS): Promise<void> {
    const page = await this.#untilEmpty(limitMs);
    const { ledger } = this.#lastStatus ?? { ledger: EMPTY_LEDGER };
    if (LEDGER_KEYS.every((key) => ledger[key] === 0)) return;
    // Losses are told with the next batch, so there has to be one.
    await page.track('last-word-', 1);
    await this.#untilEmpty(limitMs);
  }

  /** After something has gone wrong: what a page says of itself, if one is there to ask. */
  async glance(): Promise<void> {
    const [page] = this.#pages;
    if (!page) return;
    const status = page.status().catch(() => undefined);
    this.#lastStatus = (await Promise.race([status, delay(GLANCE_LIMIT_MS)])) ?? this.#lastStatus;
  }

  async evidence(): Promise<Evidence> {
    const { target } = this.#parts;
    await this.hasNewDatabase();
    const { control } = this.site;
    if (this.#lastStatus?.nextAttemptInMs)
      this.#remarks.push(`what is queued is tried again in ${this.#lastStatus.nextAttemptInMs} ms`);
    return {
      outcomes: control.outcomes,
      ordered: this.#ordered,
      arrived: await target.arrived(),
      conflicts: target.conflicts(),
      claims: control.claims,
      ledger: this.#lastStatus?.ledger,
      reported: await target.reported(),
      queued: this.#lastStatus?.events,
      faults: control.faults,
      excused: this.excused,
      findings: this.#findings,
      remarks: this.#remarks,
    };
  }

  /** Ends everything, whatever state it is in. */
  async end(): Promise<void> {
    this.#isOver = true;
    const browser = this.#browser;
    this.#browser = undefined;
    this.site.control.giveUpAll();
    await browser?.kill();
  }

  async #leave(how: (browser: Browser) => Promise<void>): Promise<void> {
    const { browser } = this;
    this.#browser = undefined;
    await this.waitFor('the browser to end', how(browser));
    await this.hasNewDatabase();
    for (const page of this.#pages) this.forget(page);
  }

  async #untilEmpty(limitMs: number): Promise<LabPage> {
    const [open] = this.#pages;
    const page = open ?? (await this.open());
    await this.until(
      'the queue to be empty',
      async () => {
        const status = await page.status();
        // One that can't be read just now looks empty.
        if (status.storage === 'opening') return false;
        this.#lastStatus = status;
        return status.events === 0;
      },
      limitMs,
    );
    return page;
  }

  async #poll(what: string, isReached: () => boolean | Promise<boolean>, limitMs: number): Promise<void> {
    const endAt = performance.now() + limitMs;
    while (!(await isReached())) {
      if (performance.now() > endAt) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
      if (this.#isOver) throw new Error('the scenario is over');
      await delay(POLL_MS);
    }
  }
}
