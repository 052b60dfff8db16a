import type { Eraser } from '../admin/admin-commands.ts';
import type { Reporter } from '../admin/admin-report.ts';

/** For tools that erase nothing. */
export const NO_ERASER: Eraser = {
  erase: () => Promise.reject(new Error('the store is not open')),
  list: () => [],
  keptAside: () => Promise.resolve(0),
};

/** For tools that make no report. */
export const NO_REPORTER: Reporter = {
  begin: () => Promise.reject(new Error('the store is not open')),
  track: () => null,
  remove: () => Promise.resolve(),
};
