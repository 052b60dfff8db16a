import { describe, expect, it } from 'vitest';
import { EndWaits } from '../../../server/reports/end-waits.ts';

const LONG_MS = 600_000;

function never(): AbortSignal {
  return new AbortController().signal;
}

/** What a wait has come to by now, without a wait of its own. */
async function stateOf(wait: Promise<boolean>): Promise<boolean | 'waits'> {
  // Each of its steps that needs no event gets its turn.
  const later = new Promise<'waits'>((resolve) => setImmediate(() => resolve('waits')));
  return Promise.race([wait, later]);
}

/** As many waits for jobs of different names as there may be. */
function fill(waits: EndWaits): readonly Promise<boolean>[] {
  return Array.from({ length: 200 }, (_, number) => waits.wait(`job ${number}`, LONG_MS, never()));
}

describe('EndWaits', () => {
  it('has 200 wait, and answers the next one at once that it has not waited', async () => {
    const waits = new EndWaits();
    const all = fill(waits);

    expect(await stateOf(waits.wait('job 0', LONG_MS, never()))).toBe(false);
    expect(await stateOf(waits.wait('other', LONG_MS, never()))).toBe(false);
    expect(await Promise.all(all.map(stateOf))).toEqual(all.map(() => 'waits'));
    waits.close();
  });

  it.each(['ended', 'left'])('gives the place of one that has %s to one other', async (how) => {
    const waits = new EndWaits();
    const all = fill(waits);
    const gone = new AbortController();
    waits.end('job 0');
    const last = waits.wait('last', LONG_MS, gone.signal);
    expect(await stateOf(all[0] ?? last)).toBe(true);
    expect(await stateOf(waits.wait('too many', LONG_MS, never()))).toBe(false);

    if (how === 'ended') waits.end('last');
    else gone.abort();

    expect(await stateOf(last)).toBe(true);
    // Whatever else comes to it frees nothing more.
    waits.end('last');
    gone.abort();
    expect(await stateOf(waits.wait('next', LONG_MS, never()))).toBe('waits');
    expect(await stateOf(waits.wait('too many', LONG_MS, never()))).toBe(false);
    waits.close();
  });

  it('frees a place when its time is up', async () => {
    const waits = new EndWaits();
    const short = waits.wait('job', 1, never());
    const all = fill(waits);
    expect(await stateOf(all.at(-1) ?? short)).toBe(false);

    expect(await short).toBe(true);

    expect(await stateOf(waits.wait('job', LONG_MS, never()))).toBe('waits');
    expect(await stateOf(waits.wait('job', LONG_MS, never()))).toBe(false);
    waits.close();
  });

  it('has nobody wait who has gone before, or once it is closed, and ends those that do', async () => {
    const waits = new EndWaits();
    expect(await stateOf(waits.wait('job', LONG_MS, AbortSignal.abort()))).toBe(false);
    const all = fill(waits);

    waits.close();

    expect(await Promise.all(all.map(stateOf))).toEqual(all.map(() => true));
    expect(await stateOf(waits.wait('job', LONG_MS, never()))).toBe(false);
  });
});
