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

/** Calls a method by its name, with anything. */
export function call(target: unknown, name: string, ...args: readonly unknown[]): unknown {
  const method: unknown = Reflect.get(Object(target), name);
  return typeof method === 'function' ? Reflect.apply(method, target, args) : undefined;
}
