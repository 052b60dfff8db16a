import { isRecord } from '../../shared/text.ts';
import type { Collector, CollectorOptions, Context } from './api.ts';

/** Does what was called on the stub: `[method, time, ...arguments]`. */
export function replayCall(collector: Collector, call: unknown): void {
  const args: readonly unknown[] = Array.isArray(call) ? call : [];
  const [method, time, first, second, third] = args;
  if (method === 'init' && isOptions(first)) collector.init(first);
  if (method === 'optOut' || method === 'optIn') void collector[method]();
  if (method !== 'track' || typeof first !== 'string') return;
  collector.track(first, isContext(second) ? second : undefined, {
    timestamp: Number(time),
    ...(isRecord(third) && third),
  });
}

function isOptions(value: unknown): value is CollectorOptions {
  return isRecord(value) && typeof value['customer'] === 'string' && typeof value['product'] === 'string';
}

/** Roughly: `track` judges the values. */
function isContext(value: unknown): value is Context {
  return typeof value === 'object' && value !== null;
}
