/** What the browser says about the page's life. Hints only: any of them may never come. */
export interface LifecycleHints {
  /** The page is hidden or about to go; it may not get another chance. */
  leaving(): void;
  /** The page can be seen again, perhaps after a freeze. */
  visible(): void;
  /** The page is gone, or kept in the back/forward cache. */
  frozen(): void;
  /** It was in that cache, and is back; `visible` follows. */
  thawed(): void;
  online(): void;
}

/** @returns What stops listening. */
export function watchLifecycle(hints: LifecycleHints): () => void {
  const onVisibility = (): void => {
    if (document.visibilityState === 'hidden') hints.leaving();
    else hints.visible();
  };
  // A page that comes out of the back/forward cache runs none of its scripts again.
  const onShow = (event: PageTransitionEvent): void => {
    if (!event.persisted) return;
    hints.thawed();
    hints.visible();
  };
  const onHide = (): void => {
    hints.leaving();
    hints.frozen();
  };
  const onOnline = (): void => hints.online();
  document.addEventListener('visibilitychange', onVisibility);
  addEventListener('pageshow', onShow);
  addEventListener('pagehide', onHide);
  addEventListener('online', onOnline);
  return () => {
    document.removeEventListener('visibilitychange', onVisibility);
    removeEventListener('pageshow', onShow);
    removeEventListener('pagehide', onHide);
    removeEventListener('online', onOnline);
  };
}
