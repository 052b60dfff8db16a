/** Browsers on a busy machine sometimes fail to start, for no fault of what is tested. */
export async function startTwice<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (first) {
    try {
      return await start();
    } catch (second) {
      throw new Error(`failed to start: ${String(first)}\nand again: ${String(second)}`, { cause: second });
    }
  }
}
