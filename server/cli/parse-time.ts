const DATE = /^\d{4}-\d\d(-\d\d)?$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * Milliseconds since the Unix epoch, a date (of UTC, whole) or a time of ISO 8601.
 *
 * A time needs its zone: what is meant without one depends on the machine.
 *
 * @param option - Which one it is given for, in the error's sentence.
 * @param edge - Which millisecond of a whole day or month is meant: its first one or its last one.
 * @throws Error in words for the person at the terminal.
 */
export function parseTime(text: string, option: string, edge: 'first' | 'last' = 'first'): number {
  const time = /^\d{1,15}$/.test(text) ? Number(text) : parseIso(text, edge);
  if (!Number.isSafeInteger(time) || time < 0) {
    const rule = 'milliseconds, a date such as 2026-01-31, or a time such as 2026-01-31T10:00Z';
    throw new Error(`${option} must be ${rule}, not "${text}"`);
  }
  return time;
}

function parseIso(text: string, edge: 'first' | 'last'): number {
  if (TIME.test(text)) return exists(text.slice(0, 10)) ? Date.parse(text) : NaN;
  if (!DATE.test(text) || !exists(text)) return NaN;
  if (edge === 'first') return Date.parse(text);
  const [year = 0, month = 0, day] = text.split('-').map(Number);
  return (day === undefined ? Date.UTC(year, month) : Date.UTC(year, month - 1, day + 1)) - 1;
}

/** Whether a date is in the calendar: Node takes the 31st of February for one in March. */
function exists(date: string): boolean {
  const time = Date.parse(date);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date);
}
