import type { Ability, EngineName, LaunchOptions } from './engines/engine.ts';
import type { Lab } from './lab.ts';
import type { Variant } from './protocol.ts';

/** One way for things to go wrong. */
export interface Scenario {
  /** What `--scenario` takes. */
  readonly name: string;
  /** What happens, in a line. */
  readonly title: string;
  readonly variants: readonly Variant[];
  /** What the engine must be able to do. */
  readonly needs?: readonly Ability[];
  /** Engines in which it can't be judged, and why. */
  readonly except?: Readonly<Partial<Record<EngineName, string>>>;
  /** Those that `npm test` runs as well. Default: none. */
  readonly fast?: readonly Variant[];
  /** Events go to the real server instead of the recording collector. */
  readonly usesServer?: boolean;
  readonly launch?: LaunchOptions;
  /** Default: 60 seconds, and half as much again in slower engines. */
  readonly limitMs?: number;
  /** From the end of the trouble until all has arrived. Default: 45 seconds, for a few backoffs. */
  readonly restLimitMs?: number;
  /** Does all of it. Then the lab waits until delivery has come to rest, and judges. */
  run(lab: Lab): Promise<void>;
}
