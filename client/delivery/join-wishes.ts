import type { FlushWish } from '../../shared/worker-api.ts';

/** What one run must do for two callers. */
export function joinWishes(left: FlushWish, right: FlushWish): FlushWish {
  return {
    urgent: left.urgent || right.urgent,
    leaving: left.leaving === true || right.leaving === true,
  };
}
