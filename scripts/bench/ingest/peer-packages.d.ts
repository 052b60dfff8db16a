/** What the benchmark uses of packages that it installs for itself; they bring no types, or are no dependency. */
declare module 'better-sqlite3' {
  interface Statement {
    run(...values: readonly unknown[]): unknown;
  }
  export default class Database {
    constructor(path: string);
    pragma(text: string): unknown;
    exec(text: string): unknown;
    prepare(text: string): Statement;
    transaction<Args extends unknown[]>(run: (...args: Args) => void): (...args: Args) => void;
  }
}

declare module 'pg' {
  class Client {
    constructor(options: { readonly host: string; readonly user: string; readonly database: string });
    connect(): Promise<void>;
    query(
      query: string | { readonly name: string; readonly text: string; readonly values: readonly unknown[] },
    ): Promise<unknown>;
  }
  const pg: { readonly Client: typeof Client };
  export default pg;
}
