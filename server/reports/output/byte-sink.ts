/** What has been made of the bytes of a sink. */
export interface SunkBytes {
  /** Size of the file. */
  readonly bytes: number;
  /** Of the file, in hex. */
  readonly sha256: string;
}

/** Where the bytes of a report go, in order. */
export interface ByteSink {
  /**
   * Takes bytes behind those before.
   *
   * Resolves when they may be changed again, and the next ones may come.
   * @throws What made a write fail.
   */
  put(bytes: Uint8Array): Promise<void>;

  /** Resolves when all has been given to the operating system. */
  end(): Promise<SunkBytes>;

  /** Lets go of what it holds, whatever has been written; resolves when it writes no more. */
  close(): Promise<void>;
}
