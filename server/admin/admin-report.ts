import { isRecord } from '../../shared/text.ts';
import type { TrackedReport } from '../../shared/tracked-report.ts';

/** A report that is made for a tool on the same machine. */
export interface LocalReport extends TrackedReport {
  /** Name of its file in the folder of reports, once it is COMPLETE. */
  readonly file: string;
}

/** Whoever can make reports. */
export interface Reporter {
  /**
   * Begins a report of every event acknowledged so far.
   *
   * @param request - The body of a `POST /reports`, unchecked.
   * @returns Its public name.
   * @throws AppError that names what is wrong with the request.
   */
  begin(request: unknown): Promise<string>;
  /** How it is doing; null if there is none. */
  track(source: string): LocalReport | null;
  /** Stops it and removes its file, if it is there. */
  remove(source: string): Promise<void>;
}

/** Of unknown shape, as it comes from a socket. */
export function isLocalReport(value: unknown): value is LocalReport {
  return (
    isRecord(value) &&
    [value['source'], value['file']].every((text) => typeof text === 'string') &&
    ['RUNNING', 'COMPLETE', 'TIMEOUT', 'FAILED'].includes(String(value['status'])) &&
    [value['share'], value['rows'], value['expectedEnd'], value['bytes']].every(isNumberOrNull) &&
    [value['sha256'], value['error']].every((text) => text === null || typeof text === 'string')
  );
}

function isNumberOrNull(value: unknown): boolean {
  return value === null || typeof value === 'number';
}
