/** What the benchmark uses of a package that it installs for itself. */
declare module 'chdb' {
  export class Session {
    constructor(path: string);
    query(sql: string, format?: string): string;
  }
}
