const TAGS = /\s*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)/gy;

/**
 * Whether a list of entity tags names one, by the weak comparison that `If-None-Match` asks for.
 *
 * @param header - As it came: a list, or `*` for any; what comes behind a malformed tag does not count.
 * @param tag - A strong one, with its quotes.
 */
export function namesTag(header: string, tag: string): boolean {
  return header.trim() === '*' || tagsOf(header).some(({ opaque }) => opaque === tag);
}

/** The same by the strong comparison of `If-Match`, for which a weak tag is no match. */
export function namesTagStrongly(header: string, tag: string): boolean {
  return header.trim() === '*' || tagsOf(header).some(({ opaque, isWeak }) => opaque === tag && !isWeak);
}

function tagsOf(header: string): readonly { readonly opaque: string; readonly isWeak: boolean }[] {
  return [...header.matchAll(TAGS)].map(([, weak, opaque = '']) => ({ opaque, isWeak: weak !== undefined }));
}
