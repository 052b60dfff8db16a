import type { Load } from '../load.ts';
import type { CpuTime } from './cpu-time.ts';
import type { BenchServer } from './servers.ts';

/** What is measured, the first being what all others are compared with. */
export type VariantName = 'koa' | 'echo' | 'receipt' | 'sqlite' | 'postgres';

export const NAMES: Readonly<Record<VariantName, string>> = {
  koa: 'Koa, no storage, echo',
  echo: 'Waybill, durable, echo',
  receipt: 'Waybill, durable, receipt',
  sqlite: 'Koa + SQLite, durable, echo',
  postgres: 'Koa + PostgreSQL, durable, echo',
};

export interface Variant {
  readonly name: VariantName;
  readonly server: BenchServer;
  readonly prefer: string | undefined;
}

export interface Sample extends Load {
  /** A request's share: hardly changed by what else the machine does. */
  readonly cpu: CpuTime;
}

/** Those of one batch size: for each variant one a round. */
export type Samples = ReadonlyMap<VariantName, readonly Sample[]>;

/** A variant's rate in each round, by that of another in the same one; nothing if one was not measured. */
export function rateRatios(
  samples: Samples | undefined,
  own: VariantName,
  other: VariantName,
): readonly number[] {
  return ratios(samples, own, other, ({ requestsPerSecond }) => requestsPerSecond);
}

export function p99Ratios(
  samples: Samples | undefined,
  own: VariantName,
  other: VariantName,
): readonly number[] {
  return ratios(samples, own, other, ({ p99Ms }) => p99Ms);
}

export function cpuRatios(
  samples: Samples | undefined,
  own: VariantName,
  other: VariantName,
): readonly number[] {
  return ratios(samples, own, other, ({ cpu }) => cpu.all);
}

function ratios(
  samples: Samples | undefined,
  own: VariantName,
  other: VariantName,
  read: (sample: Sample) => number,
): readonly number[] {
  const others = samples?.get(other) ?? [];
  return (samples?.get(own) ?? []).flatMap((load, round) => {
    const beside = others[round];
    return beside === undefined ? [] : [read(load) / read(beside)];
  });
}
