/**
 * Keeps an eye on the database connections that are opened from now on.
 *
 * @returns What breaks all open ones as a browser does, which says `close` and nothing else; it says how many.
 */
export function watchConnections(): () => number {
  const connections = new Set<IDBDatabase>();
  const factory = indexedDB;
  const open = factory.open.bind(factory);
  factory.open = (name, version) => {
    const request = open(name, version);
    request.addEventListener('success', () => connections.add(request.result));
    return request;
  };
  return () => {
    const count = connections.size;
    for (const connection of connections) {
      connection.close();
      connection.dispatchEvent(new Event('close'));
    }
    connections.clear();
    return count;
  };
}
