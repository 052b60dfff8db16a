import type { Eraser } from './admin/admin-commands.ts';
import type { ErasureWish, ListedErasure } from './admin/admin-protocol.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { ReportService } from './reports/report-service.ts';
import type { EventStore } from './store/event-store.ts';

/** An erasure is durable within this time after it was asked for, or nearly always. */
const RECORD_MS = 60_000;

/** Erases events from the store, and the reports that may show them. */
export class StoreEraser implements Eraser {
  readonly #store: EventStore;
  readonly #reports: ReportService;
  readonly #catalog: Catalog;
  readonly #now: () => number;

  constructor(store: EventStore, reports: ReportService, catalog: Catalog, now: () => number) {
    this.#store = store;
    this.#reports = reports;
    this.#catalog = catalog;
    this.#now = now;
  }

  async erase({ customer, before, key }: ErasureWish): Promise<number> {
    const places = key === undefined ? {} : this.#catalog.placesOf(key.name);
    if (key !== undefined && Object.keys(places).length === 0)
      throw new Error(`no type of the catalog has a context key "${key.name}"`);
    const request = {
      customer,
      ...(before !== undefined && { before }),
      ...(key !== undefined && { key: { ...key, places } }),
    };
    const number = await this.#store.erase(request, this.#now());
    // The time after the record: a report that began before it is forgotten, one that begins now leaves the
    // events out by itself.
    await this.#reports.forget(customer, this.#now());
    return number;
  }

  list(): readonly ListedErasure[] {
    return this.#store.erasures().map(({ doneMs, waitsFor, ...erasure }) => ({
      ...erasure,
      doneMs: doneMs ?? null,
      ...(waitsFor !== undefined && { waitsFor }),
    }));
  }

  keptAside(): Promise<number> {
    return this.#store.keptAside();
  }

  /** Makes up for what a crash may have left of the reports. */
  async finishReports(): Promise<void> {
    for (const { customer, askedMs, doneMs } of this.#store.erasures())
      await this.#reports.forget(customer, askedMs + (doneMs === undefined ? RECORD_MS : 0));
  }
}
