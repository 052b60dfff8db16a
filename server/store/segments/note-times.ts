/** When the batches came that a sealed segment has lines about: the first and the last, in ms since the Unix epoch. */
export type NoteTimes = readonly [from: number, to: number];

/** The same with one more. */
export function withTime(times: NoteTimes | null, received: number): NoteTimes {
  const [from, to] = times ?? [received, received];
  return [Math.min(from, received), Math.max(to, received)];
}
