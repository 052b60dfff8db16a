/** An id file's index is missing or damaged; `rebuildIdIndex` makes it again. */
export class IdIndexError extends Error {
  constructor(path: string, cause?: unknown) {
    super(`${path} is missing or damaged`, { cause });
    this.name = 'IdIndexError';
  }
}

/** An id file itself is damaged or can't be read: primary data, which nothing makes again. */
export class IdFileError extends Error {
  readonly path: string;
  /** Byte of the id file. */
  readonly offset: number;
  readonly reason: string;

  constructor(path: string, offset: number, reason: string, cause?: unknown) {
    super(`${path}, byte ${offset}: ${reason}`, { cause });
    this.name = 'IdFileError';
    this.path = path;
    this.offset = offset;
    this.reason = reason;
  }
}
