import { DuckDBInstance } from '@duckdb/node-api';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeReport } from '../../../server/reports/report-writer.ts';
import { SegmentEventStore } from '../../../server/store/segments/segment-event-store.ts';
import { DEFAULT_OUTPUT, type ReportOutput } from '../../../shared/report.ts';
import { KERNEL_PATH } from '../../support/row-kernel.ts';
import { aBatch, anEvent, FILTER } from '../../support/events.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const TEXTS = [
  '',
  null,
  'a|b',
  'a,b',
  '"',
  '""',
  'a"b',
  'a\nb',
  'a\rb',
  '\r\n',
  '=1+1',
  "'=1",
  '-',
  '\t',
  ' x ',
  '€😀',
  '\\',
  '\\n',
];
const EXTRA = TEXTS.map((_, index) => `context${index + 1}`);

describe('a report without guard', () => {
  it.each([',', '|', ';', '\t'])(
    'with %j between fields has the values of its events for DuckDB',
    async (delimiter) => {
      const events = Array.from({ length: 200 }, (_, number) =>
        anEvent({
          timestamp: number,
          type: 'T',
          context: [...TEXTS.slice(number % 18), ...TEXTS.slice(0, number % 18)],
        }),
      );
      const file = await reportOf(events, {
        ...DEFAULT_OUTPUT,
        delimiter,
        guard: false,
        columns: ['sequence'],
      });

      const connection = await (await DuckDBInstance.create()).connect();
      onTestFinished(() => connection.closeSync());
      // An empty field that has quotes is a text.
      const read = await connection.runAndReadAll(
        `select * from read_csv($file, delim = $delimiter, quote = '"', escape = '"', header = true, all_varchar = true,
         nullstr = '', allow_quoted_nulls = false, auto_detect = false, new_line = '\\n', strict_mode = false,
         columns = {${['timestamp', 'type', ...EXTRA, 'sequence'].map((name) => `'${name}': 'VARCHAR'`).join(', ')}})`,
        { file, delimiter },
      );

      expect(read.columnNames()).toEqual(['timestamp', 'type', ...EXTRA, 'sequence']);
      expect(read.getRows()).toEqual(
        events.map(({ timestamp, type, context }, sequence) => [
          String(timestamp),
          type,
          ...context,
          String(sequence),
        ]),
      );
    },
  );
});

async function reportOf(
  events: readonly ReturnType<typeof anEvent>[],
  output: ReportOutput,
): Promise<string> {
  const folder = await tempFolder();
  const store = await SegmentEventStore.open(path.join(folder, 'store'), 0);
  onTestFinished(() => store.close());
  const { identity, contents } = aBatch([...events]);
  await store.append(identity, () => contents);
  const snapshot = store.snapshot();
  const file = path.join(folder, 'report.csv');
  const task = { snapshot, filter: FILTER, output, columns: { columns: [], keys: {} }, path: file };
  await writeReport(task, { kernelPath: KERNEL_PATH });
  store.release(snapshot);
  return file;
}
