/** Has every database that is deleted from now on held for a while before it goes, as by a tab that is slow to let go. */
export function holdDeletions(holdMs: number): void {
  if (holdMs === 0) return;
  const factory = indexedDB;
  const open = factory.open.bind(factory);
  const deleteDatabase = factory.deleteDatabase.bind(factory);
  factory.deleteDatabase = (name) => {
    // Takes its turn before the deletion, which waits for it to be closed.
    const holding = open(name);
    holding.addEventListener('success', () => setTimeout(() => holding.result.close(), holdMs));
    return deleteDatabase(name);
  };
}
