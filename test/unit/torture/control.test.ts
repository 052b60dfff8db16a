import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Control } from '../../torture/control.ts';
import { PATHS, type Report } from '../../torture/protocol.ts';

describe('control', () => {
  let control: Control;
  let server: Server;
  let origin: string;
  let agent: string;

  beforeEach(async () => {
    control = new Control();
    agent = control.newAgent();
    server = createServer((request, response) => {
      void control.handle(request, response, new URL(request.url ?? '/', 'http://lab'));
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    origin = `http://localhost:${address.port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function next(seen: number, signal?: AbortSignal): Promise<unknown> {
    const options = signal ? { method: 'POST', signal } : { method: 'POST' };
    const response = await fetch(`${origin}${PATHS.next}?agent=${agent}&seen=${seen}`, options);
    return response.json();
  }

  async function report(...reports: readonly Report[]): Promise<void> {
    await fetch(`${origin}${PATHS.report}?agent=${agent}`, {
      method: 'POST',
      body: JSON.stringify(reports),
    });
  }

  it('tells a page that asks what it is ordered later, and resolves with its answer', async () => {
    const polled = next(0);
    const answer = control.order(agent, { do: 'status' });
    expect(await polled).toEqual({ id: 1, command: { do: 'status' } });
    await report({ kind: 'result', id: 1, value: 7 });
    expect(await answer).toBe(7);
  });

  it('repeats an order that a page has not seen, and never one that it has', async () => {
    void control.order(agent, { do: 'flush' });
    void control.order(agent, { do: 'close' });
    expect(await next(0)).toMatchObject({ id: 1 });
    expect(await next(0)).toMatchObject({ id: 1 });
    expect(await next(1)).toMatchObject({ id: 2 });
  });

  it('keeps an order for the next question when the one before was cut off', async () => {
    const cut = new AbortController();
    const polled = next(0, cut.signal);
    await new Promise((resolve) => setTimeout(resolve, 20));
    cut.abort();
    await expect(polled).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 20));
    void control.order(agent, { do: 'flush' });
    expect(await next(0)).toMatchObject({ id: 1 });
  });

  it('takes a report that comes twice for one', async () => {
    const answer = control.order(agent, { do: 'flush' });
    const result: Report = { kind: 'result', id: 1, value: 'first' };
    await report(result, { kind: 'outcomes', outcome: 'stored', names: ['a0', 'a1'] });
    await report(result, { kind: 'outcomes', outcome: 'stored', names: ['a0', 'a1'] });
    expect(await answer).toBe('first');
    expect([...control.outcomes]).toEqual([
      ['a0', 'stored'],
      ['a1', 'stored'],
    ]);
  });

  it('rejects what a page can not do, and what a page was to do that is gone', async () => {
    const failed = control.order(agent, { do: 'flush' });
    const lost = control.order(agent, { do: 'close' });
    const outcomes = Promise.allSettled([failed, lost]);
    await report({ kind: 'failure', id: 1, message: 'TypeError: no' });
    control.giveUp(agent);
    expect(await outcomes).toMatchObject([
      { reason: new Error('page p1: TypeError: no') },
      { reason: new Error('page p1 is gone') },
    ]);
  });
});
