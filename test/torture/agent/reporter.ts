import { type Claim, type Outcome, PATHS, type Report } from '../protocol.ts';
import { pause } from './pause.ts';

/** Pause before a report is tried again: the network or the lab is away. */
const RETRY_MS = 100;

/** Events of one report. */
const MAX_NAMES = 5_000;

/** A page's reports to the lab, in order, each repeated until it has arrived. */
export interface Reporter {
  send(report: Report): void;
  outcome(name: string, outcome: Outcome): void;
  claim(claim: Claim): void;
}

export function createReporter(agent: string): Reporter {
  const waiting: Report[] = [];
  /** The last of `waiting` if more can be added to it. */
  let growing: { readonly outcome: Outcome; readonly names: string[] } | Claim[] | undefined;
  let isSending = false;

  /** One request at a time; what is told meanwhile goes with the next one. */
  async function sendAll(): Promise<void> {
    if (isSending) return;
    isSending = true;
    while (waiting.length > 0) {
      growing = undefined;
      const body = JSON.stringify(waiting.splice(0));
      while (!(await post(`${PATHS.report}?agent=${agent}`, body))) await pause(RETRY_MS);
    }
    isSending = false;
  }

  function send(report: Report): void {
    waiting.push(report);
    growing = undefined;
    void sendAll();
  }

  return {
    send,
    outcome(name, outcome) {
      if (growing && 'names' in growing && growing.outcome === outcome && growing.names.length < MAX_NAMES) {
        growing.names.push(name);
        return;
      }
      const names = [name];
      send({ kind: 'outcomes', outcome, names });
      if (waiting.length > 0) growing = { outcome, names };
    },
    claim(claim) {
      if (Array.isArray(growing) && growing.length < MAX_NAMES) {
        growing.push(claim);
        return;
      }
      const claims = [claim];
      send({ kind: 'claims', claims });
      if (waiting.length > 0) growing = claims;
    },
  };
}

/** @returns Whether it arrived. */
async function post(url: string, body: string): Promise<boolean> {
  try {
    return (await fetch(url, { method: 'POST', body, cache: 'no-store' })).ok;
  } catch {
    return false;
  }
}
