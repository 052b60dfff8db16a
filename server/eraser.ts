import type { Eraser } from './admin/admin-commands.ts';
import type { ErasureWish, ListedErasure } from './admin/admin-protocol.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { ReportService } from './reports/report-service.ts';
import type { EventStore } from './store/event-store.ts';

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
    const nowMs = this.#now();
    const number = await this.#store.erase(request, nowMs);
    // After the record: a report that is asked for now leaves the events out by itself.
    await this.#reports.forget(customer, nowMs);
    return number;
  }

  list(): readonly ListedErasure[] {
    return this.#store.erasures().map(({ doneMs, ...erasure }) => ({ ...erasure, doneMs: doneMs ?? null }));
  }

  /** Makes up for what a crash may have left of the reports. */
  async finishReports(): Promise<void> {
    for (const { customer, askedMs } of this.#store.erasures()) await this.#reports.forget(customer, askedMs);
  }
}
