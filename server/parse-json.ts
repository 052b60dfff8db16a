import { AppError } from './errors.ts';

/** Leaves out a byte order mark, and takes what is not UTF-8 for U+FFFD. */
const decoder = new TextDecoder();

/**
 * The value of a request's body.
 *
 * @throws AppError `REQUEST_INPUT_MALFORMED`.
 */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decoder.decode(bytes);
  if (text === '') throw new AppError('REQUEST_INPUT_MALFORMED', 'the body is empty');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('REQUEST_INPUT_MALFORMED', 'the body is not JSON', { cause: error });
  }
}
