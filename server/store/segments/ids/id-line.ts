import type { EventProblemCode } from '../../../../shared/error-codes.ts';
import { parseUuid } from '../../../../shared/uuid.ts';
import type { Refusal } from '../../event-store.ts';
import type { BatchRecord, StoredRecord } from '../batch-record.ts';
import { encodeCheckedLine } from '../checked-line.ts';

/** A line of an id file, read. */
export interface IdLine {
  readonly id: string;
  readonly record: BatchRecord;
}

/** The first line of an id file. */
export const ID_FILE_HEADER = encodeCheckedLine([Buffer.from('"kind":"ids"}')]);
/** Characters of a line up to the end of its id, which comes behind `["`. */
export const ID_LINE_HEAD = 38;
const ID_AT = 2;
const SPLIT_LENGTH = ID_LINE_HEAD + 2;
const FINGERPRINT = /^\d+:[0-9a-f]{32}$/;

/** A line of an id file, without its newline: what is kept for ever of a batch. */
export function encodeIdLine(id: string, record: BatchRecord): string {
  if (record === 'split') return `["${id}"]`;
  const { fingerprint, count, parents = [], offset, rejected = [] } = record;
  const more: string[] = [];
  if (parents.length > 0) more.push(`"parents":${JSON.stringify(parents)}`);
  if (offset !== undefined) more.push(`"offset":${offset}`);
  if (rejected.length > 0) more.push(`"rejected":${JSON.stringify(runsOf(rejected))}`);
  const last = more.length > 0 ? `,{${more.join(',')}}` : '';
  return `["${id}","${fingerprint}",${count}${last}]`;
}

/** Reads a line without its newline, or undefined if it is not what `encodeIdLine` writes. */
export function parseIdLine(text: string): IdLine | undefined {
  const items = parseArray(text);
  if (items === undefined) return undefined;
  const [id, fingerprint, count, more = {}] = items;
  if (typeof id !== 'string' || parseUuid(id) !== id) return undefined;
  const record = items.length === 1 ? 'split' : parseStored(fingerprint, count, more);
  // Whatever this does not read, it would not write: a damaged name of a field would else lose it.
  return record !== undefined && encodeIdLine(id, record) === text ? { id, record } : undefined;
}

/** The id of a line that is known to be whole, or of its head. */
export function idOfLine(text: string): string {
  return text.slice(ID_AT, ID_LINE_HEAD);
}

/** Whether a line that is known to be whole says that its batch was split. */
export function isSplitLine(text: string): boolean {
  return text.length === SPLIT_LENGTH;
}

function parseArray(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    // What is no JSON is damaged, as all else that we would not write.
    return undefined;
  }
}

function parseStored(fingerprint: unknown, count: unknown, more: unknown): StoredRecord | undefined {
  if (typeof fingerprint !== 'string' || !FINGERPRINT.test(fingerprint) || !isCount(count)) return undefined;
  if (typeof more !== 'object' || more === null) return undefined;
  const { parents, offset, rejected }: Readonly<Record<string, unknown>> = { ...more };
  if (parents !== undefined && !isArrayOf(parents, isText)) return undefined;
  if (offset !== undefined && !isCount(offset)) return undefined;
  if (rejected !== undefined && !isArrayOf(rejected, isRefusalRun)) return undefined;
  return {
    fingerprint,
    count,
    ...(parents === undefined ? {} : { parents }),
    ...(offset === undefined ? {} : { offset }),
    ...(rejected === undefined ? {} : { rejected: rejected.flatMap(fromRun) }),
  };
}

/** Events that were refused for the same: the first, and the last of a run of neighbours. */
type RefusalRun = readonly [first: number, code: EventProblemCode, path: string, last?: number];

/** More events than any batch may have. */
const MAX_RUN = 1_000_000;

/** A thousand events may be refused for the same, and this is kept for ever. */
function runsOf(rejected: readonly Refusal[]): readonly RefusalRun[] {
  const runs: RefusalRun[] = [];
  for (const { sequence, code, path } of rejected) {
    const before = runs.at(-1);
    const [first, beforeCode, beforePath, last = first ?? 0] = before ?? [];
    const isNext = beforeCode === code && beforePath === path && last + 1 === sequence;
    if (isNext && first !== undefined) runs[runs.length - 1] = [first, code, path, sequence];
    else runs.push([sequence, code, path]);
  }
  return runs;
}

function fromRun([first, code, path, last = first]: RefusalRun): readonly Refusal[] {
  return Array.from({ length: last - first + 1 }, (_, at) => ({ sequence: first + at, code, path }));
}

/** Any text is taken for a code: another version may know more of them. */
function isRefusalRun(value: unknown): value is RefusalRun {
  if (!Array.isArray(value) || value.length < 3 || value.length > 4) return false;
  const items: readonly unknown[] = value;
  const [first, code, path, last] = items;
  const isRun =
    last === undefined || (isCount(last) && isCount(first) && last > first && last - first < MAX_RUN);
  return isCount(first) && isText(code) && isText(path) && isRun;
}

function isArrayOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
