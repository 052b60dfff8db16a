/**
 * Makes the clock of this page or worker wrong.
 *
 * @returns What changes by how much.
 */
export function shiftClock(initialMs: number): (offsetMs: number) => void {
  const read = Date.now.bind(Date);
  let offset = initialMs;
  const now = () => read() + offset;
  globalThis.Date = new Proxy(Date, {
    construct: (target, args: unknown[], newTarget) => {
      const made: Date = Reflect.construct(target, args.length > 0 ? args : [now()], newTarget);
      return made;
    },
    get(target, key, receiver) {
      const own: unknown = Reflect.get(target, key, receiver);
      return key === 'now' ? now : own;
    },
  });
  return (offsetMs) => {
    offset = offsetMs;
  };
}
