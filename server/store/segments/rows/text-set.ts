import { areSame, hashOfEnds, viewOf, WORD_SLACK_BYTES } from '../../../words.ts';

/** Texts to be found by their bytes as JSON. */
export class TextSet {
  readonly #texts = new Map<number, DataView[]>();

  constructor(texts: Iterable<string>) {
    for (const text of texts) {
      const bytes = Buffer.from(JSON.stringify(text));
      const padded = viewOf(Buffer.concat([bytes, Buffer.alloc(WORD_SLACK_BYTES)]));
      const hash = hashOfEnds(padded, 0, bytes.length);
      const alike = this.#texts.get(hash) ?? [];
      alike.push(padded);
      this.#texts.set(hash, alike);
    }
  }

  /** Whether a text is one of them. @param view - Has it with its quotes, and words' slack behind. */
  has(view: DataView, at: number, length: number): boolean {
    const alike = this.#texts.get(hashOfEnds(view, at, length));
    if (alike === undefined) return false;
    for (const text of alike) {
      const isAsLong = text.byteLength === length + WORD_SLACK_BYTES;
      if (isAsLong && areSame(text, 0, view, at, length)) return true;
    }
    return false;
  }
}
