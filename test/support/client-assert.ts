/** Compares as JSON; usable in a test runner and, bundled, in a browser page. */
export function assertSame(actual: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`expected ${right}, got ${left}`);
}

/** @throws If the value is missing. */
export function present<Value>(value: Value | undefined | null): Value {
  if (value === undefined || value === null) throw new Error('expected a value');
  return value;
}
