import type { Workbox } from 'workbox-window';

/** What a worker may be registered with: text or, under Trusted Types, what a policy has made of it. */
type ScriptUrl = ConstructorParameters<typeof Workbox>[0];

interface Rules {
  createScriptURL(url: string): ScriptUrl;
}

declare global {
  interface Window {
    trustedTypes?: { createPolicy(name: string, rules: { createScriptURL(url: string): string }): Rules };
  }
}

/** Made once: a site's policy lets each name be taken once only. Nothing outside this file can use it. */
let rules: Rules | undefined;

/**
 * The worker's configured address in the form that `require-trusted-types-for 'script'` asks for.
 *
 * @throws If the site's policy does not allow the name `waybill`.
 */
export function trustWorkerUrl(url: string): ScriptUrl {
  rules ??= window.trustedTypes?.createPolicy('waybill', { createScriptURL: (given) => given });
  return rules ? rules.createScriptURL(url) : url;
}
