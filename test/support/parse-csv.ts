/** The rows of a delimited text (RFC 4180), by a reader that shares nothing with the writer. Null is an empty field. */
export function parseCsv(text: string, delimiter = '|'): readonly (readonly (string | null)[])[] {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  let at = 0;
  while (at < text.length) {
    let value: string | null;
    if (text[at] === '"') {
      let end = at + 1;
      while (text[end] !== '"' || text[end + 1] === '"') {
        if (end >= text.length) throw new Error('a quote is not closed');
        end += text[end] === '"' ? 2 : 1;
      }
      value = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    } else {
      let end = at;
      while (end < text.length && text[end] !== delimiter && text[end] !== '\n') end++;
      value = end === at ? null : text.slice(at, end);
      at = end;
    }
    row.push(value);
    if (text[at] === delimiter) {
      at++;
      if (at === text.length) row.push(null);
    } else if (at === text.length || text[at] === '\n') {
      rows.push(row);
      row = [];
      at++;
    } else throw new Error(`neither delimiter nor line end at ${at}`);
  }
  return rows;
}

/** A field as it was before the formula guard. */
export function unguarded(field: string | null): string | null {
  return field?.startsWith("'") === true ? field.slice(1) : field;
}
