let listeners = 0;

/** Has what is said written to the console, until what this returns is called. */
export function openConsole(): () => void {
  let isOpen = true;
  listeners++;
  return () => {
    if (isOpen) listeners--;
    isOpen = false;
  };
}

/**
 * Writes a line to the console of a page that is being explained; on any other page it does nothing.
 *
 * @param words - Values of the page are handed over as they are: what looks into them is the console.
 */
export function say(level: 'log' | 'warn', ...words: readonly unknown[]): void {
  if (listeners === 0) return;
  try {
    // Not `console.debug`, which browsers hide unless told otherwise.
    // oxlint-disable-next-line eslint/no-console -- it is what the page has asked for
    console[level]('waybill:', ...words);
  } catch {
    // A console that the page has replaced; whoever tracks must not notice.
  }
}
