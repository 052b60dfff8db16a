/** Throws whatever is done with it. */
export const hostile: unknown = new Proxy(
  {},
  {
    get: () => {
      throw new Error('gotcha');
    },
    ownKeys: () => {
      throw new Error('gotcha');
    },
  },
);

const revoked = Proxy.revocable({}, {});
revoked.revoke();
const circle: unknown[] = [];
circle.push(circle);

/** What throws, or has no JSON text, in other ways: when it is looked at, only named, written, or made a text. */
export const nasty: readonly unknown[] = [
  hostile,
  revoked.proxy,
  circle,
  Symbol('s'),
  10n,
  () => undefined,
  Object.create(null),
  { toJSON: () => call(hostile, 'toJSON') },
  { toString: () => call(hostile, 'toString') },
  ['u', hostile],
  [revoked.proxy],
  Array.from({ length: 100_000 }, () => 'x'),
  '\ud800'.repeat(70_000),
  Object.defineProperty([], 0, { get: () => call(hostile, 'get'), enumerable: true }),
  Object.defineProperty({}, 'timestamp', { get: () => call(hostile, 'get'), enumerable: true }),
];

/** Calls a method by its name, with anything. */
export function call(target: unknown, name: string, ...args: readonly unknown[]): unknown {
  const method: unknown = Reflect.get(Object(target), name);
  return typeof method === 'function' ? Reflect.apply(method, target, args) : undefined;
}
