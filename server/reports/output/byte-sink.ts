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
   * Takes bytes behind those before; the next ones may come only when it is done.
   *
   * @returns A promise that resolves when the bytes may be changed again, or undefined if they may be at once.
   * @throws What made a write fail.
   */
  put(bytes: Uint8Array): Promise<void> | undefined;

  /** Resolves when all has been given to the operating system. */
  end(): Promise<SunkBytes>;

  /** Lets go of what it holds, whatever has been written; resolves when it writes no more. */
  close(): Promise<void>;
}
