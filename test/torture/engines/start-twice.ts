/** Browsers on a busy machine sometimes fail to start, for no fault of what is tested. */
export async function startTwice<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (first) {
    try {
      return await start();
    } catch (second) {
      throw new AggregateError([first, second], `failed to start, twice: ${String(second)}`);
    }
  }
}
