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
   * Takes bytes behind those before, without waiting for those.
   *
   * @returns Resolves when the buffer may be used again; rejects if they could not be written.
   */
  put(bytes: Buffer): Promise<void>;

  /** Resolves when all has been given to the operating system. */
  end(): Promise<SunkBytes>;

  /** Lets go of what it holds, whatever has been written; resolves when it writes no more. */
  close(): Promise<void>;
}
