import { createReadStream } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { LocalReport } from '../admin/admin-report.ts';
import type { Config } from '../config.ts';
import { dataPaths } from '../data-paths.ts';
import { withOwner } from './ask-owner.ts';
import { openReporter } from './open-reporter.ts';
import type { WithReport } from './report-source.ts';

const FIRST_POLL_MS = 25;
const LAST_POLL_MS = 250;

/** Reports of a data folder of this machine, made by the server that runs on it or, where there is none, by the tool. */
export function reportsOfStore(config: Config): WithReport {
  return (request, { signal, onAdvance }, use) =>
    withOwner(
      config.dataFolder,
      (paths) => openReporter(config, paths),
      async (ask) => {
        let report = known((await ask({ command: 'report-begin', request })).report);
        const { source } = report;
        try {
          for (let waitMs = FIRST_POLL_MS; report.status === 'RUNNING'; waitMs *= 2) {
            onAdvance(report);
            await pause(Math.min(waitMs, LAST_POLL_MS), undefined, { signal });
            report = known((await ask({ command: 'report-track', source })).report);
          }
          signal.throwIfAborted();
          if (report.status !== 'COMPLETE') throw new Error(report.error ?? 'the report was not made');
          const { rows, bytes, sha256, file } = report;
          const filePath = path.join(dataPaths(config.dataFolder).reports, file);
          return await use({ rows, bytes, sha256, read: () => createReadStream(filePath) });
        } finally {
          // What can't be removed goes when the server forgets the job, or with the next start.
          await ask({ command: 'report-remove', source }).catch(() => undefined);
        }
      },
    );
}

function known(report: LocalReport | null): LocalReport {
  if (report === null) throw new Error('the report is gone: somebody has removed it');
  return report;
}
