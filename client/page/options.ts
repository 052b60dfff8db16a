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
}

/**
 * Fills in the defaults.
 *
 * @param scriptUrl - Where this script came from.
 * @param pageUrl - What relative addresses are relative to.
 */
export function readOptions(options: CollectorOptions, scriptUrl: string, pageUrl: string): Config {
  return {
    ...options,
    endpoint: resolveUrl(options.endpoint, pageUrl) || resolveUrl(EVENTS_PATH, scriptUrl),
    worker: resolveUrl(options.worker, pageUrl),
    assets: resolveUrl(options.assets, pageUrl) || resolveUrl('.', scriptUrl),
    contextKeys: options.contextKeys ?? {},
  };
}

/** The options that a script tag's `data-` attributes hold; undefined if it names no customer or product. */
export function readDataset(
  data: Readonly<Record<string, string | undefined>>,
): CollectorOptions | undefined {
  const { customer, product, version, endpoint, worker, assets } = data;
  if (!customer || !product) return undefined;
  return { customer, product, version: version || undefined, endpoint, worker, assets };
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
