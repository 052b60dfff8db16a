import type { Variant } from '../protocol.ts';

/** Scenarios that matter with a worker and without one. */
export const BOTH: readonly Variant[] = ['worker', 'page'];

export const WORKER_ONLY: readonly Variant[] = ['worker'];

export const PAGE_ONLY: readonly Variant[] = ['page'];
