import { isRecord } from '../../../shared/text.ts';
import { type Command, type LabSettings, type Order, PATHS } from '../protocol.ts';
import { holdDeletions } from './hold-deletions.ts';
import { obey } from './obey.ts';
import { pause } from './pause.ts';
import { createReporter } from './reporter.ts';
import { reportFaults } from './report-faults.ts';
import { shiftClock } from './shift-clock.ts';
import { watchConnections } from './watch-connections.ts';

declare const lab: LabSettings;

const reporter = createReporter(lab.agent);
reportFaults((message) => reporter.send({ kind: 'fault', message: `page ${lab.agent}: ${message}` }));
holdDeletions(lab.holdDeletionsMs);
const means = { reporter, setClock: shiftClock(lab.clockOffsetMs), breakConnections: watchConnections() };

void listen();

/** Asks for orders until the page is gone. The lab repeats an order until it sees that this page has it. */
async function listen(): Promise<void> {
  for (let seen = 0; ;) {
    const order = await ask(seen);
    if (order === 'away') await pause(100);
    if (typeof order !== 'object' || order.id <= seen) continue;
    seen = order.id;
    // Not awaited: two tabs, or a flush and a track, may have to go on at once.
    void follow(order);
  }
}

async function ask(seen: number): Promise<Order | 'none' | 'away'> {
  try {
    const url = `${PATHS.next}?agent=${lab.agent}&seen=${seen}`;
    const response = await fetch(url, { method: 'POST', cache: 'no-store' });
    if (response.status !== 200) return response.ok ? 'none' : 'away';
    const order: unknown = await response.json();
    return isOrder(order) ? order : 'away';
  } catch {
    return 'away';
  }
}

/** The lab is trusted with what is inside. */
function isOrder(value: unknown): value is Order {
  return isRecord(value) && typeof value['id'] === 'number' && isCommand(value['command']);
}

function isCommand(value: unknown): value is Command {
  return isRecord(value) && typeof value['do'] === 'string';
}

async function follow({ id, command }: Order): Promise<void> {
  try {
    reporter.send({ kind: 'result', id, value: await obey(command, means) });
  } catch (error) {
    reporter.send({ kind: 'failure', id, message: String(error) });
  }
}
