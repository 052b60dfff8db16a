/**
 * The context of an event as an array.
 *
 * @param given - What the caller passed: an array is taken as it is, an object by the keys of the type.
 * @param keys - The keys of the type in their order, if they are known.
 * @param shared - Values that every event with such a key gets.
 * @returns Anything; `parseEvent` judges it. An object whose keys are not known stays one, and is refused.
 */
export function orderContext(
  given: unknown,
  keys: readonly string[] | undefined,
  shared: Readonly<Record<string, unknown>>,
): unknown {
  if (Array.isArray(given)) return given;
  if (!keys) return given ?? [];
  if (typeof given !== 'object' && given !== undefined) return given;
  const own = new Map<string, unknown>(Object.entries(given ?? {}));
  // A key that the type hasn't got is a mistake that would otherwise lose its value without a word.
  for (const key of own.keys()) if (!keys.includes(key)) return given;
  const values = keys.map((key) => (own.has(key) ? own.get(key) : shared[key]) ?? null);
  while (values.length > 0 && values[values.length - 1] === null) values.pop();
  return values;
}
