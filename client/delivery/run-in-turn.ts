/**
 * Runs a task for many callers: never twice at once, and many calls share one run.
 *
 * A call is never satisfied by a run that had already begun. Calls that wait for the same run have their
 * wishes joined.
 */
export function runInTurn<Wish, Result>(
  task: (wish: Wish) => Promise<Result>,
  join: (left: Wish, right: Wish) => Wish,
): (wish: Wish) => Promise<Result> {
  let current: Promise<unknown> = Promise.resolve();
  let next: { wish: Wish; readonly result: Promise<Result> } | undefined;
  return (wish) => {
    if (next) {
      next.wish = join(next.wish, wish);
      return next.result;
    }
    const begin = (): Promise<Result> => {
      const joined = next?.wish ?? wish;
      next = undefined;
      return task(joined);
    };
    const result = current.then(begin, begin);
    next = { wish, result };
    current = result;
    return result;
  };
}
