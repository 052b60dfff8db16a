import type { DeliveredOutcome, Discarded, Problem, StoredOutcome } from '../page/api.ts';

/** What to say of an outcome; a warning where an event is lost. */
export interface Description {
  readonly level: 'log' | 'warn';
  readonly text: string;
}

export function describeStored(outcome: StoredOutcome): Description {
  switch (outcome.status) {
    case 'stored':
      return outcome.storage === 'indexeddb'
        ? log('stored on this device')
        : log('stored in memory: it lives as long as the page, which sends it at once');
    case 'rejected':
      return warn(`rejected: ${outcome.problems.map(describeProblem).join('; ')}`);
    case 'dropped':
      return warn(
        'dropped: the collector is closed, or there is no room in memory while nothing can be stored',
      );
    case 'discarded':
      return describeDiscarded(outcome);
  }
}

export function describeDelivered(outcome: DeliveredOutcome): Description {
  switch (outcome.status) {
    case 'delivered':
      return log(`delivered as event ${outcome.sequence} of batch ${outcome.batch}`);
    case 'rejected':
      return warn(`rejected by the server: ${describeRefusal(outcome)}`);
    case 'dropped':
      return warn('dropped: there was no room in the queue');
    case 'expired':
      return warn('expired: it could not be delivered in time');
    case 'unconfirmed':
      return warn('given up after it was sent: the server may have it');
    case 'unknown':
      return log('in the queue, but too many are waiting for this page to tell what becomes of each');
    case 'discarded':
      return describeDiscarded(outcome);
  }
}

/** What the server or the page has found wrong. */
export function describeRefusal(refusal: {
  readonly code: string;
  readonly path: string;
  readonly message: string;
}): string {
  return `${describeProblem(refusal)}${refusal.message && `: ${refusal.message}`}`;
}

function describeProblem({ code, path }: Pick<Problem, 'path'> & { readonly code: string }): string {
  const hint =
    path === 'context' ? ' (an object needs its type in contextKeys, and no key that is not there)' : '';
  return `${code}${path && ` at ${path}`}${hint}`;
}

function describeDiscarded({ reason }: Discarded): Description {
  return log(
    reason === 'privacy' ? 'discarded: the user has opted out' : 'discarded: beforeSend returned null',
  );
}

const log = (text: string): Description => ({ level: 'log', text });
const warn = (text: string): Description => ({ level: 'warn', text });
