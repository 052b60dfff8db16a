import type { Scenario } from '../scenario.ts';
import { BOTH } from './both.ts';

/** The real server, and a report at the end. */
export const SERVER: readonly Scenario[] = [
  {
    name: 'server-killed',
    title: 'the real server is killed and started again, three times while a page tracks; then a report',
    variants: BOTH,
    usesServer: true,
    async run(lab) {
      const page = await lab.open();
      const tracked = page.track('killed-', 600, { perTask: 2, everyMs: 20, receipts: true });
      for (let round = 0; round < 3; round++) {
        await lab.sleep(1_200);
        await lab.server.kill();
        await lab.sleep(300);
        await lab.server.start();
      }
      await tracked;
    },
  },
];
