import type { Damage } from '../../event-store.ts';

/** Hands damage on: what is true of a file as a whole once, however often it is met. */
export class DamageReports {
  readonly #onDamage: (damage: Damage) => void;
  readonly #told = new Set<string>();

  constructor(onDamage: (damage: Damage) => void) {
    this.#onDamage = onDamage;
  }

  readonly add = (damage: Damage): void => this.#onDamage(damage);

  missing(path: string): void {
    this.#once({ path, offset: 0, reason: 'the file is missing' });
  }

  /** @param offset - Where it ends. */
  endsEarly(path: string, offset: number): void {
    this.#once({ path, offset, reason: 'the file ends too early' });
  }

  #once(damage: Damage): void {
    const key = `${damage.reason} ${damage.path}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#onDamage(damage);
  }
}
