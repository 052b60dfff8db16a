import type { Damage } from '../../event-store.ts';

/** Of one file there could be as many as it has bytes. */
const MAX_DAMAGE = 1_000;

/** Damage found, the first 1,000. */
export class DamageList {
  readonly #found: Damage[] = [];
  readonly #paths = new Set<string>();

  add(damage: Damage): void {
    this.#paths.add(damage.path);
    if (this.#found.length < MAX_DAMAGE) this.#found.push(damage);
  }

  get found(): readonly Damage[] {
    return this.#found;
  }

  /** Of all files that have any, however much that is. */
  get paths(): readonly string[] {
    return [...this.#paths];
  }
}
