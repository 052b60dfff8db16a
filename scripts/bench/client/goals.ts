import { quantile } from '../table.ts';
import type { LoopSample } from './measure-loop.ts';
import type { ClientSamples, VariantSamples } from './samples.ts';

/** One thing that the client is to reach. */
export interface Goal {
  readonly what: string;
  readonly atMost: number;
  readonly digits: number;
  /** One number a round. */
  readonly read: (own: VariantSamples) => readonly number[];
}

/** What the client is to reach, with what was measured of it. */
export function listGoals(samples: ClientSamples): readonly Goal[] {
  const floor = samples.of('none').loop;
  const goals: Goal[] = [
    ofLoop('in track(), ms', 20, 1, ({ trackMs }) => trackMs),
    ofLoop('in track(), p99 ms', 0.1, 3, ({ trackP99Ms }) => trackP99Ms),
    ofLoop(
      'main thread beyond floor, CPU ms',
      140,
      0,
      ({ cpuMs }, round) => cpuMs - (floor[round]?.cpuMs ?? NaN),
    ),
    ofLoop('long tasks', 0, 0, ({ longTasks }) => longTasks),
    ofLoop('frames, ms', 3_350, 0, ({ framesMs }) => framesMs),
    ofLoop('durable, p50 ms', 2, 1, ({ durableMs }) => quantile(durableMs, 0.5)),
    ofLoop('durable, p99 ms', 10, 1, ({ durableMs }) => quantile(durableMs, 0.99)),
    { what: 'first durable on a known site, ms', atMost: 50, digits: 0, read: ({ first }) => first },
    ofLoop('requests per 1,000, 10 a frame', 4, 1, requestsPerThousand),
    ofBacklog('20,000 offline: all durable, ms', 1_500, ({ durableMs }) => durableMs),
    ofBacklog('20,000 offline: memory grown, MB', 80, ({ grownMb }) => grownMb),
    ofBacklog('20,000 offline: flush, ms', 1_000, ({ flushMs }) => flushMs),
    ofBacklog('20,000 offline: requests', 21, ({ requests }) => requests),
    ofOutage('requests in 20 s of 503', 8, ({ unavailable }) => unavailable),
    ofOutage('requests in Retry-After: 10, two tabs', 1, ({ limited }) => limited),
    ofWire('requests, burst of 1,000', 1, 0, ({ burstRequests }) => burstRequests),
    ofWire('requests, 1,000 queued', 1, 0, ({ queuedRequests }) => queuedRequests),
    ofWire('wire, 1,000 queued, bytes an event', 14, 1, ({ wireBytesPerEvent }) => wireBytesPerEvent),
  ];
  if (!samples.variants.includes('amplitude')) return goals;
  const amplitude = samples.of('amplitude').loop;
  const ratio = ({ trackMs }: LoopSample, round: number): number =>
    trackMs / (amplitude[round]?.trackMs ?? NaN);
  return [...goals, ofLoop('in track(), of Amplitude’s', 0.75, 2, ratio)];
}

/** How many requests a thousand events took. */
export function requestsPerThousand({ requests, arrived }: LoopSample): number {
  return (requests / arrived) * 1_000;
}

function ofLoop(
  what: string,
  atMost: number,
  digits: number,
  read: (sample: LoopSample, round: number) => number,
): Goal {
  return { what, atMost, digits, read: ({ loop }) => loop.map(read) };
}

function ofBacklog(
  what: string,
  atMost: number,
  read: (sample: VariantSamples['backlog'][number]) => number,
): Goal {
  return { what, atMost, digits: 0, read: ({ backlog }) => backlog.map(read) };
}

function ofOutage(
  what: string,
  atMost: number,
  read: (sample: VariantSamples['outage'][number]) => number,
): Goal {
  return { what, atMost, digits: 0, read: ({ outage }) => outage.map(read) };
}

function ofWire(
  what: string,
  atMost: number,
  digits: number,
  read: (sample: VariantSamples['wire'][number]) => number,
): Goal {
  return { what, atMost, digits, read: ({ wire }) => wire.map(read) };
}
