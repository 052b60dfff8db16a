import { EVENTS_PATH } from '../../shared/routes.ts';
import type { CollectorOptions } from './api.ts';

/** A collector's settings, complete. */
export interface Config {
  readonly customer: string;
  readonly product: string;
  readonly version?: string | null | undefined;
  /** Absolute URL. */
  readonly endpoint: string;
  /** Absolute URL, or empty. */
  readonly worker: string;
  /** Absolute URL of the folder of the lazily loaded files. */
  readonly assets: string;
  readonly contextKeys: Readonly<Record<string, readonly string[]>>;
  readonly beforeSend?: CollectorOptions['beforeSend'];
  /** Nothing is stored or sent before the user has agreed. */
  readonly isPending: boolean;
  /** Global Privacy Control says no, and is to be heard. */
  readonly isGpc: boolean;
}

/**
 * Fills in the defaults.
 *
 * @param scriptUrl - Where this script came from.
 * @param pageUrl - What relative addresses are relative to.
 */
export function readOptions(options: GivenOptions, scriptUrl: string, pageUrl: string): Config {
  return {
    ...options,
    endpoint: resolveUrl(options.endpoint, pageUrl) || resolveUrl(EVENTS_PATH, scriptUrl),
    worker: resolveUrl(options.worker, pageUrl),
    assets: resolveUrl(options.assets, pageUrl) || resolveUrl('.', scriptUrl),
    contextKeys: options.contextKeys ?? {},
    // A word that is none of ours is more likely a refusal than a permission.
    isPending: (options.consent || 'granted') !== 'granted',
    isGpc: options.honourGpc !== false && Reflect.get(navigator, 'globalPrivacyControl') === true,
  };
}

/** Options as they may come: of a script tag, any word is possible. */
export type GivenOptions = Omit<CollectorOptions, 'consent'> & { readonly consent?: string | undefined };

/** Options for what `init` leaves out. */
export type OptionDefaults = {
  readonly [Name in keyof GivenOptions]?: GivenOptions[Name] | undefined;
};

/** The options that a script tag's `data-` attributes hold. */
export function readDataset(data: Readonly<Record<string, string | undefined>>): OptionDefaults {
  const { customer, product, version, endpoint, worker, assets, consent, honourGpc } = data;
  return {
    customer,
    product,
    version: version || undefined,
    endpoint,
    worker,
    assets,
    consent,
    honourGpc: honourGpc !== 'false',
  };
}

function resolveUrl(url: string | undefined, base: string): string {
  if (!url) return '';
  try {
    return new URL(url, base).href;
  } catch {
    // No address, no worker; no endpoint, the default one.
    return '';
  }
}
