import type { Announcement } from '../delivery/announce.ts';
import type { OpenedStorage } from '../queue/open-storage.ts';
import { changeOptOut, eraseQueued } from '../queue/opt-out.ts';
import type { OptOut } from '../queue/records.ts';
import type { ConsentState } from './api.ts';
import type { Clock } from './clock.ts';
import { defer } from './defer.ts';
import type { Config } from './options.ts';
import { persist } from './persist.ts';

export interface ConsentParts {
  /** Tells the other tabs of a decision, and not this one. */
  readonly tell: (announcement: Announcement) => void;
  readonly clock: Clock;
  readonly started: Promise<Config>;
  /** Called once, as soon as consent is more than pending. Must not reject. */
  readonly open: (config: Config) => Promise<OpenedStorage>;
  /** Nothing more of what this page holds may be stored or sent. Perhaps told more than once. */
  readonly onRefused: () => void;
}

/** Whether events may be kept and sent. */
export interface Consent {
  readonly state: () => ConsentState;
  /** What the options and the browser say, unless the page has decided before. */
  readonly begin: (config: Config) => void;
  /** Both resolve when the queue is emptied and the decision is durable. */
  readonly optOut: () => Promise<void>;
  readonly optIn: () => Promise<void>;
  /** Another tab has decided so, or its flag was seen in the queue. */
  readonly obey: (optedOut: OptOut | undefined) => void;
  readonly opened: Promise<OpenedStorage>;
  /** Resolves when consent is granted for the first time. */
  readonly granted: Promise<void>;
  /** Resolves when every decision so far is in the queue; not while consent is pending. */
  readonly settled: () => Promise<OpenedStorage>;
  /** Whether that is so now. */
  readonly isSettled: () => boolean;
}

/** From the flag as it is, what it is to be. */
type Decide = (now: OptOut | undefined) => OptOut | undefined;

/**
 * The flag in the queue is what counts; this follows it.
 *
 * What the page decides holds for the page at once, and for everybody when it is written: then the others are told.
 */
export function createConsent({ clock, started, onRefused, tell, ...parts }: ConsentParts): Consent {
  let state: ConsentState = 'granted';
  let isDecided = false;
  /** Changes that are not in the queue yet: what is read there meanwhile is out of date. */
  let changes = 0;
  const [opening, open] = defer<void>();
  const [granted, grant] = defer<void>();
  const opened = Promise.all([started, opening]).then(([config]) => parts.open(config));

  let last = look();

  /** What the queue says when it is opened. */
  async function look(): Promise<void> {
    const { optedOut } = await opened;
    if (changes > 0) return;
    // The signal that one flag came from is gone. With the other, what may have been written since is erased.
    if (optedOut) void change((now) => (now === 'gpc' ? undefined : now), false);
    else follow(optedOut);
  }

  function refuse(): void {
    state = 'refused';
    onRefused();
  }

  function follow(optedOut: OptOut | undefined): void {
    if (optedOut) return refuse();
    state = 'granted';
    grant();
  }

  function change(decide: Decide, isNews: boolean): Promise<void> {
    changes++;
    open();
    last = apply(last, decide, isNews);
    return last;
  }

  /** What the user or the browser has decided, which is to outlive whatever events do. */
  async function keep(decide: Decide): Promise<void> {
    await change(decide, true);
    await (await opened).storage.renewLog?.();
  }

  async function apply(before: Promise<void>, decide: Decide, isNews: boolean): Promise<void> {
    await before;
    const [{ endpoint }, { storage }] = await Promise.all([started, opened]);
    const optedOut = await persist(async (attempt) => {
      // A full storage may refuse the flag until there is room, and never refuses to erase.
      if (attempt > 0 && isNews && state === 'refused') {
        await storage.transact(['fresh', 'sent'], (tx) => eraseQueued(tx, endpoint));
      }
      return changeOptOut(storage, endpoint, clock.now(), decide);
    }, clock);
    if (isNews) tell({ endpoint, done: null, optedOut, inMemory: storage.kind === 'memory' });
    if (--changes === 0) follow(optedOut);
  }

  return {
    state: () => state,
    begin({ isGpc, isPending }) {
      if (isDecided) return;
      if (isGpc) {
        refuse();
        // Unless the page has asked its user by the time this is written.
        void keep((now) => now ?? (isDecided ? now : 'gpc'));
      } else if (isPending) state = 'pending';
      else open();
    },
    optOut() {
      isDecided = true;
      refuse();
      return keep(() => 'user');
    },
    optIn() {
      isDecided = true;
      state = 'granted';
      return keep(() => undefined);
    },
    obey(optedOut) {
      // Whatever else it turns out to be, nothing goes out meanwhile; nor does it while a decision of this page's own
      // is being written, which may be the later one.
      if (optedOut && changes === 0) refuse();
      // The queue knows best, unless this page has one of its own.
      void opened.then(({ storage }) => change((now) => (storage.kind === 'memory' ? optedOut : now), false));
    },
    opened,
    granted,
    async settled() {
      for (let seen; seen !== last;) await (seen = last);
      return opened;
    },
    isSettled: () => changes === 0,
  };
}
