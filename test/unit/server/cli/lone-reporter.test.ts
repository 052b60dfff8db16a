import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { loadCatalog } from '../../../../server/catalog/catalog.ts';
import { LoneReporter } from '../../../../server/cli/lone-reporter.ts';
import { ReportFiles } from '../../../../server/reports/report-files.ts';
import type { ReportOutcome } from '../../../../server/reports/report-process.ts';
import type { ReportAdvance, ReportTask } from '../../../../server/reports/report-task.ts';
import type { StoreSnapshot } from '../../../../server/store/event-store.ts';
import { FILTER } from '../../../support/events.ts';
import { DONE, openEmptyStore } from '../../../support/report-service.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

async function open() {
  const folder = await tempFolder();
  const reports = path.join(folder, 'reports');
  await mkdir(reports, { recursive: true });
  const store = await openEmptyStore(folder);
  const released: StoreSnapshot[] = [];
  const release = store.release.bind(store);
  store.release = (snapshot) => {
    released.push(snapshot);
    release(snapshot);
  };
  const seen: { task?: ReportTask; advance?: (advance: ReportAdvance) => void; isKilled: boolean } = {
    isKilled: false,
  };
  let end = (_outcome: ReportOutcome): void => undefined;
  const outcome = new Promise<ReportOutcome>((resolve) => {
    end = resolve;
  });
  const logger = pino({ level: 'silent' });
  const reporter = new LoneReporter({
    store,
    catalog: await loadCatalog(undefined),
    files: new ReportFiles(reports, logger),
    start: (task, advance) => {
      Object.assign(seen, { task, advance });
      const kill = (): void => {
        seen.isKilled = true;
        end({ kind: 'failed', reason: 'killed' });
      };
      return { outcome, kill };
    },
    logger,
  });
  return { reporter, reports, released, seen, end: (made: ReportOutcome) => end(made) };
}

describe('a report that is made without a server', () => {
  it('tells how far it is, and what came of it', async () => {
    const { reporter, released, seen, end } = await open();

    const source = await reporter.begin({ filter: FILTER });
    const waiting = reporter.track(source);
    seen.advance?.({ kind: 'progress', scanned: 1, total: 4, rows: 7 });
    const running = reporter.track(source);
    end(DONE);

    expect(waiting).toMatchObject({ source, status: 'RUNNING', share: null, rows: null, expectedEnd: null });
    expect(running).toMatchObject({
      status: 'RUNNING',
      share: 0.25,
      rows: 7,
      expectedEnd: expect.any(Number),
    });
    await expect.poll(() => reporter.track(source)?.status).toBe('COMPLETE');
    expect(reporter.track(source)).toMatchObject({ rows: 3, bytes: 5, sha256: 'ab', file: `${source}.csv` });
    expect(released).toEqual([seen.task?.snapshot]);
  });

  it.each(['removed', 'closed'])('ends with its process and leaves no file when it is %s', async (way) => {
    const { reporter, reports, released, seen } = await open();
    const source = await reporter.begin({ filter: FILTER });
    await writeFile(path.join(reports, `${source}.csv.tmp`), 'half');

    await (way === 'removed' ? reporter.remove(source) : reporter.close());

    expect(seen.isKilled).toBe(true);
    expect(released).toHaveLength(1);
    expect(await readdir(reports)).toEqual([]);
    expect(reporter.track(source)).toBeNull();
  });

  it('is not begun if the request is not right', async () => {
    const { reporter, seen } = await open();
    await expect(reporter.begin({ filter: { customer: 'C' } })).rejects.toMatchObject({
      problems: [{ path: 'filter.product' }],
    });
    expect(seen.task).toBeUndefined();
  });
});
