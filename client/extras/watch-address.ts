import { traceMethod } from './trace-method.ts';

/**
 * Calls `onChange` after each change of the page's address that loads no page, at once.
 *
 * @param onChange - Told whether the entry in the history was replaced. May be called without a change. Must not throw:
 *   in some browsers it runs inside of the page's own calls.
 * @returns What ends it.
 */
export function watchAddress(onChange: (isReplacement: boolean) => void): () => void {
  // Not every browser has it.
  const navigation: Navigation | undefined = window.navigation;
  if (!navigation) return watchHistory(onChange);
  const onEntry = ({ navigationType }: NavigationCurrentEntryChangeEvent): void =>
    onChange(navigationType === 'replace');
  navigation.addEventListener('currententrychange', onEntry);
  return () => navigation.removeEventListener('currententrychange', onEntry);
}

function watchHistory(onChange: (isReplacement: boolean) => void): () => void {
  const onMove = (): void => onChange(false);
  const unwrapPush = traceMethod(history, 'pushState', () => onMove);
  const unwrapReplace = traceMethod(history, 'replaceState', () => () => onChange(true));
  addEventListener('popstate', onMove);
  addEventListener('hashchange', onMove);
  return () => {
    unwrapPush();
    unwrapReplace();
    removeEventListener('popstate', onMove);
    removeEventListener('hashchange', onMove);
  };
}
