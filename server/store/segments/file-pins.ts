import type { StoreSnapshot } from '../event-store.ts';

/** Keeps files that are no longer in force for as long as a snapshot that names them is in use. */
export class FilePins {
  readonly #pinned = new Map<StoreSnapshot, ReadonlySet<string>>();
  #waiting: { readonly path: string; readonly remove: () => Promise<void> }[] = [];

  pin(snapshot: StoreSnapshot): void {
    const { segments, sealed } = snapshot;
    const paths = [
      ...segments.map(({ path }) => path),
      ...sealed.flatMap(({ files }) => [files.data, files.index]),
    ];
    this.#pinned.set(snapshot, new Set(paths));
  }

  /** Ends a snapshot's use; resolves when the files that only it needed are gone. */
  async release(snapshot: StoreSnapshot): Promise<void> {
    if (this.#pinned.delete(snapshot)) await this.#sweep();
  }

  /**
   * Removes a file as soon as nobody needs it.
   *
   * @param remove - What fails is left to the next start, which removes whatever is not in force.
   */
  async retire(path: string, remove: () => Promise<void>): Promise<void> {
    this.#waiting.push({ path, remove });
    await this.#sweep();
  }

  async #sweep(): Promise<void> {
    const isNeeded = (path: string): boolean => [...this.#pinned.values()].some((paths) => paths.has(path));
    const free = this.#waiting.filter(({ path }) => !isNeeded(path));
    this.#waiting = this.#waiting.filter((file) => !free.includes(file));
    await Promise.allSettled(free.map(({ remove }) => remove()));
  }
}
