import { parseArgs } from 'node:util';
import type { ErasureWish } from '../admin/admin-protocol.ts';
import { readConfig } from '../config.ts';
import { withOwner } from './ask-owner.ts';
import { openEraser } from './open-eraser.ts';
import { parseTime } from './parse-time.ts';

const POLL_MS = 200;
const MEANWHILE =
  'it is tried again every few minutes, also if this command is ended, and no report shows the events meanwhile';

/**
 * `waybill erase --customer … [--context-key … --value …] [--before …]`: resolves when the events are in no file
 * any more. Where something is in the way, a line says what.
 *
 * @param print - Gets lines for the person at the terminal.
 * @throws Error in words for that person.
 */
export async function runEraseCommand(args: readonly string[], print: (line: string) => void): Promise<void> {
  const what = parseWish(args);
  const config = readConfig(process.env);
  await withOwner(
    config.dataFolder,
    (paths) => openEraser(config, paths),
    async (ask) => {
      const { begun } = await ask({ command: 'erase', what });
      print(`erasure ${begun} of events of ${what.customer}: no new report shows them; rewriting files`);
      let told: string | undefined;
      const ended = async (): Promise<{ events: number; doneMs: number; keptAside: number }> => {
        for (;;) {
          const { erasures, keptAside } = await ask({ command: 'erasure-list' });
          const erasure = erasures.find(({ number }) => number === begun);
          if (erasure === undefined) throw new Error('the server does not know of it');
          const { events, doneMs, waitsFor } = erasure;
          if (doneMs !== null) return { events, doneMs, keptAside };
          if (waitsFor !== undefined && waitsFor !== told) print(`it waits: ${waitsFor}; ${MEANWHILE}`);
          told = waitsFor ?? told;
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
      };
      const erasure = await ended();
      print(`${erasure.events} events erased, done ${new Date(erasure.doneMs).toISOString()}`);
      const { keptAside } = erasure;
      if (keptAside > 0)
        print(
          `${keptAside} damaged files in the store's folder quarantine may still hold some: remove them by hand`,
        );
    },
  );
}

function parseWish(args: readonly string[]): ErasureWish {
  const { values } = parseArgs({
    args: [...args],
    options: {
      customer: { type: 'string' },
      'context-key': { type: 'string' },
      value: { type: 'string' },
      before: { type: 'string' },
    },
  });
  const { customer, value, before } = values;
  const name = values['context-key'];
  if (customer === undefined || customer === '') throw new Error('--customer is required');
  if ((name === undefined) !== (value === undefined))
    throw new Error('--context-key and --value are only good together');
  return {
    customer,
    ...(before !== undefined && { before: parseTime(before, '--before') }),
    ...(name !== undefined && value !== undefined && { key: { name, value } }),
  };
}
