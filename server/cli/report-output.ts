import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { systemCode } from '../errors.ts';

/** Where a report is written to. */
export interface ReportOutput {
  /** Resolves when it may be gone on with. */
  write(bytes: Uint8Array): Promise<void>;
  /** All is there. */
  finish(): Promise<void>;
  /** Leaves nothing behind, as far as that can be. */
  abandon(): Promise<void>;
}

/** Whoever reads the output has gone, which is their right. */
export class OutputClosedError extends Error {
  constructor() {
    super('nobody reads the output any more');
    this.name = 'OutputClosedError';
  }
}

/** Writes to a stream such as standard output, which stays open. */
export function outputToStream(stream: Writable): ReportOutput {
  // Each write says so itself.
  stream.on('error', () => undefined);
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        stream.write(bytes, (error) => {
          if (error === null || error === undefined) resolve();
          else reject(systemCode(error) === 'EPIPE' ? new OutputClosedError() : error);
        });
      }),
    finish: () => Promise.resolve(),
    abandon: () => Promise.resolve(),
  };
}

/**
 * Writes to a file that appears, or takes the place of another one, only when it is whole; to what is no file, such
 * as a pipe, at once.
 */
export async function outputToFile(path: string): Promise<ReportOutput> {
  const isFile = await stat(path).then(
    (stats) => stats.isFile(),
    // It will be made.
    () => true,
  );
  if (!isFile) return outputTo(await open(path, 'w'), () => Promise.resolve(), undefined);
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  return outputTo(
    file,
    async () => {
      await file.sync();
      await file.close();
      await rename(temporary, path);
    },
    temporary,
  );
}

function outputTo(
  file: FileHandle,
  finish: () => Promise<void>,
  temporary: string | undefined,
): ReportOutput {
  return {
    write: async (bytes) => {
      try {
        // From where the last one ended.
        await file.writeFile(bytes);
      } catch (error) {
        throw systemCode(error) === 'EPIPE' ? new OutputClosedError() : error;
      }
    },
    finish: temporary === undefined ? () => file.close() : finish,
    abandon: async () => {
      await file.close().catch(() => undefined);
      if (temporary !== undefined) await rm(temporary, { force: true });
    },
  };
}
