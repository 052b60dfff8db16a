/** A promise and what resolves it. */
export function defer<Value>(): [promise: Promise<Value>, resolve: (value: Value) => void] {
  let resolvePromise: ((value: Value) => void) | undefined;
  const promise = new Promise<Value>((resolve) => {
    resolvePromise = resolve;
  });
  return [promise, (value) => resolvePromise?.(value)];
}
