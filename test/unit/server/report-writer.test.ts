import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadCatalog } from '../../../server/catalog/catalog.ts';
import { writeReport } from '../../../server/reports/report-writer.ts';
import { SegmentEventStore } from '../../../server/store/segments/segment-event-store.ts';
import type { UsageEvent } from '../../../shared/event.ts';
import { DEFAULT_OUTPUT, type ReportFilter, type ReportOutput } from '../../../shared/report.ts';
import { KERNEL_PATH } from '../../support/row-kernel.ts';
import { aBatch, anEvent, FILTER } from '../../support/events.ts';
import { tempFolder } from '../../support/temp-folder.ts';

async function reportOf(
  events: readonly UsageEvent[],
  filter: ReportFilter = FILTER,
  output: ReportOutput = DEFAULT_OUTPUT,
  catalogSource?: string,
): Promise<readonly string[]> {
  const folder = await tempFolder();
  const store = await SegmentEventStore.open(path.join(folder, 'store'), 0);
  onTestFinished(() => store.close());
  const { identity, contents } = aBatch(events);
  await store.append(identity, () => contents);
  const catalog = await loadCatalog(catalogSource);
  const file = path.join(folder, 'report.csv');
  const columns = catalog.columns(filter.product);
  const task = { snapshot: store.snapshot(), filter, output, columns, path: file };
  const { rows, bytes } = await writeReport(task, { kernelPath: KERNEL_PATH });
  const text = await readFile(file, 'utf8');
  expect(bytes).toBe(Buffer.byteLength(text));
  const lines = text.split('\n').slice(0, -1);
  expect(rows).toBe(lines.length - (output.header ? 1 : 0));
  expect(await readdir(folder)).toEqual(expect.not.arrayContaining(['report.csv.tmp']));
  return lines;
}

const PORTFOLIO =
  'timestamp|type|userId|portfolioId|positionId|symbol|frame|viewName|showClosedPositions|dividendStrategy|' +
  'cashAdjustmentStrategy|duration';

describe('writeReport', () => {
  it('puts each value into the column that the catalog names for its type and place', async () => {
    const lines = await reportOf([
      anEvent({ timestamp: 1 }),
      anEvent({ timestamp: 2, type: 'PORTFOLIO-BROKERAGE-REPORT-DOWNLOADED', context: ['u', 'p', 'YTD'] }),
      anEvent({ timestamp: 3, context: [] }),
      anEvent({ timestamp: 4, context: [null, ''] }),
    ]);

    expect(lines).toEqual([
      PORTFOLIO,
      '1|PORTFOLIO-ACCESSED|user-1|portfolio-1||||||||',
      '2|PORTFOLIO-BROKERAGE-REPORT-DOWNLOADED|u|p|||YTD|||||',
      '3|PORTFOLIO-ACCESSED||||||||||',
      '4|PORTFOLIO-ACCESSED||""||||||||',
    ]);
  });

  it('adds columns for values that the catalog has no name for', async () => {
    const lines = await reportOf([
      anEvent({ timestamp: 1 }),
      anEvent({ timestamp: 2, context: ['u', 'p', 'more'] }),
      anEvent({ timestamp: 3, type: 'UNLISTED', context: ['a'] }),
    ]);

    expect(lines).toEqual([
      `${PORTFOLIO}|context1|context2|context3`,
      '1|PORTFOLIO-ACCESSED|user-1|portfolio-1|||||||||||',
      '2|PORTFOLIO-ACCESSED|u|p|||||||||||more',
      '3|UNLISTED|||||||||||a||',
    ]);
  });

  it('numbers the columns of a product without a catalog entry', async () => {
    const filter = { customer: 'C', product: 'P' };
    const events = [['a'], ['b', 'c'], []].map((context) =>
      anEvent({ ...filter, type: 'T', timestamp: 1, context }),
    );

    expect(await reportOf(events, filter)).toEqual([
      'timestamp|type|context1|context2',
      '1|T|a|',
      '1|T|b|c',
      '1|T||',
    ]);
  });

  it('writes the rows only, with another delimiter and unguarded, when so asked', async () => {
    const output = { ...DEFAULT_OUTPUT, header: false, delimiter: ';', guard: false };
    const lines = await reportOf([anEvent({ timestamp: 1, context: ['=a', 'b;c'] })], FILTER, output, 'none');

    expect(lines).toEqual(['1;PORTFOLIO-ACCESSED;=a;"b;c"']);
  });

  it('is a header alone when nothing matches', async () => {
    expect(await reportOf([anEvent()], { ...FILTER, types: ['NONE'] })).toEqual([PORTFOLIO]);
  });
});
