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
  const unwrapPush = wrap('pushState', onMove);
  const unwrapReplace = wrap('replaceState', () => onChange(true));
  addEventListener('popstate', onMove);
  addEventListener('hashchange', onMove);
  return () => {
    unwrapPush();
    unwrapReplace();
    removeEventListener('popstate', onMove);
    removeEventListener('hashchange', onMove);
  };
}

/**
 * Has `afterCall` called after each call of a method of `history`, on top of what others have put there.
 *
 * @returns What takes it off. If others have wrapped it since, it stays below them and only passes calls on.
 */
function wrap(name: 'pushState' | 'replaceState', afterCall: () => void): () => void {
  const isOwn = Object.getOwnPropertyDescriptor(history, name) !== undefined;
  const original: unknown = Reflect.get(history, name);
  if (typeof original !== 'function') return () => undefined;
  let isOn = true;
  const wrapper = function (this: unknown, ...args: readonly unknown[]): unknown {
    const result: unknown = Reflect.apply(original, this, args);
    if (isOn) afterCall();
    return result;
  };
  Reflect.set(history, name, wrapper);
  return () => {
    isOn = false;
    if (Reflect.get(history, name) !== wrapper) return;
    if (isOwn) Reflect.set(history, name, original);
    else Reflect.deleteProperty(history, name);
  };
}
