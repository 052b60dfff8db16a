/**
 * Has each call of a method seen, in the object itself: whoever has the object calls what is traced.
 *
 * @param begin - Called before the method; what it returns, if anything, is called with the result.
 * @returns What ends it. If others have wrapped the method since, what this put there stays below them and only passes
 *   calls on.
 */
export function traceMethod<Target extends object>(
  target: Target,
  name: keyof Target,
  begin: (args: readonly unknown[]) => ((result: unknown) => void) | undefined,
): () => void {
  // A method that the object has from its prototype is given back to it.
  const isOwn = Object.getOwnPropertyDescriptor(target, name) !== undefined;
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== 'function') return () => undefined;
  let isOn = true;
  const wrapper = function (this: unknown, ...args: readonly unknown[]): unknown {
    const end = isOn ? begin(args) : undefined;
    const result: unknown = Reflect.apply(original, this, args);
    end?.(result);
    return result;
  };
  Reflect.set(target, name, wrapper);
  return () => {
    isOn = false;
    if (Reflect.get(target, name) !== wrapper) return;
    if (isOwn) Reflect.set(target, name, original);
    else Reflect.deleteProperty(target, name);
  };
}
