import { toWellFormed } from '../shared/text.ts';

const MAX_UNITS = 256;

/** What is kept of a text in an event that was refused: its first 256 UTF-16 units, well-formed. */
export function refusedText(text: string): string {
  return toWellFormed(text.slice(0, MAX_UNITS));
}
