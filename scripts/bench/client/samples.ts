import type { LoopSample } from './measure-loop.ts';
import type { OutageSample } from './measure-outage.ts';
import type { BacklogSample, WireSample } from './measure-queue.ts';
import type { Variant } from './stage.ts';

/** What was measured of a variant, one sample a round; empty where it can't be. */
export interface VariantSamples {
  readonly loop: LoopSample[];
  /** Milliseconds. */
  readonly first: number[];
  readonly backlog: BacklogSample[];
  readonly wire: WireSample[];
  readonly outage: OutageSample[];
}

/** Of each variant, in the order in which they are printed. */
export class ClientSamples {
  readonly #samples: ReadonlyMap<Variant, VariantSamples>;

  constructor(variants: readonly Variant[]) {
    this.#samples = new Map(
      variants.map((variant) => [variant, { loop: [], first: [], backlog: [], wire: [], outage: [] }]),
    );
  }

  get variants(): readonly Variant[] {
    return [...this.#samples.keys()];
  }

  /** @throws If the variant is not measured. */
  of(variant: Variant): VariantSamples {
    const found = this.#samples.get(variant);
    if (!found) throw new Error(`${variant} is not measured`);
    return found;
  }
}
