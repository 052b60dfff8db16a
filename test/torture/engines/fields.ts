/** A JSON object of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws {TypeError} If there is no such object in it. */
export function fieldsAt(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (!isFields(value)) throw new TypeError(`no object ${name} in ${JSON.stringify(fields)}`);
  return value;
}

/** @throws {TypeError} If there is no such string in it. */
export function textAt(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new TypeError(`no string ${name} in ${JSON.stringify(fields)}`);
  return value;
}

/** The objects of an array; empty if it is none. */
export function listAt(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name];
  return Array.isArray(value) ? value.filter(isFields) : [];
}
