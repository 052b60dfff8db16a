import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { loadCatalog } from '../../../server/catalog/catalog.ts';
import type { ReportTask } from '../../../server/reports/report-task.ts';
import type { StoreSnapshot } from '../../../server/store/event-store.ts';
import { DEFAULT_OUTPUT } from '../../../shared/report.ts';
import { isRecord } from '../../../shared/text.ts';
import type { Maker } from './maker.ts';
import { watchProcess } from './watch-process.ts';

/** The built process of a report, over a snapshot; with all that reports have by default. */
export async function waybillOf(name: string, snapshot: StoreSnapshot): Promise<Maker> {
  const catalog = await loadCatalog(undefined);
  return {
    name,
    isOrdered: true,
    make: async (query, file) => {
      const columns = catalog.columns(query.product);
      const task: ReportTask = { snapshot, filter: query, output: DEFAULT_OUTPUT, columns, path: file };
      let answer: unknown;
      // As the server starts it. Whether it has failed is in its answer: its code is always that of one without an owner.
      const start = (): ChildProcess => {
        const child = fork(path.resolve('dist/server/report-child.js'), [], {
          serialization: 'advanced',
          execArgv: [],
          stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        });
        child.on('message', (message) => (answer = message));
        child.send(task);
        return child;
      };
      const usage = await watchProcess(start, () => true);
      const isWhole = isRecord(answer) && answer['kind'] === 'done' && isEmpty(answer['damage']);
      if (!isWhole) throw new Error(`the report was answered with ${JSON.stringify(answer)}`);
      return usage;
    },
  };
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}
