import { pino, type Logger } from 'pino';
import { systemCode } from './errors.ts';

/** Bytes of lines that wait for room where they go. */
const MAX_WAITING_BYTES = 1_048_576;

/**
 * A logger of JSON lines to standard error.
 *
 * Lines that can't be written, as where they go to a file on a full disk, wait for the next one, up to 1 MiB;
 * what comes beyond is left out. Nobody who logs hears of it.
 */
export function createLogger(level: string): Logger {
  const destination = pino.destination({ fd: 2, sync: true, maxLength: MAX_WAITING_BYTES });
  // Without a listener the error would be thrown at whoever logs.
  destination.on('error', () => undefined);
  return pino({ level, serializers: { err: loggedError } }, destination);
}

/** Of an error only what is ours: other properties may hold what a caller sent, or a signed link. */
function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return 'not an error';
  const { name, message, stack, cause } = error;
  return {
    name,
    message,
    code: systemCode(error),
    stack,
    cause: cause === undefined ? undefined : loggedError(cause),
  };
}
