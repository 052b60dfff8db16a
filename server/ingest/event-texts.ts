/** Events as they are stored: JSON texts of their known fields in their fixed order, in UTF-8. */
export interface EventTexts {
  /** The texts in the order sent, joined by commas. */
  readonly bytes: Uint8Array;
  /** Where each text ends in `bytes`; the next one begins behind the comma. */
  readonly ends: readonly number[];
}

export function joinTexts(texts: readonly string[]): EventTexts {
  const bytes = Buffer.from(texts.join(','));
  // Most events are ASCII, where a text has as many bytes as units.
  const isAscii = bytes.length === texts.reduce((length, text) => length + text.length, texts.length - 1);
  const ends: number[] = [];
  let at = 0;
  for (const text of texts) {
    at += isAscii ? text.length : Buffer.byteLength(text);
    ends.push(at++);
  }
  return { bytes, ends };
}
