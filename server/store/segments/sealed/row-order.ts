/**
 * The places of timestamps in ascending order, equal ones in the order that they came in.
 *
 * @param timestamps - Not changed.
 */
export function orderByTimestamp(timestamps: Float64Array): Uint32Array {
  const count = timestamps.length;
  let low = Infinity;
  let high = -Infinity;
  let isSorted = true;
  let areIntegers = true;
  for (let place = 0; place < count; place++) {
    const timestamp = timestamps[place] ?? 0;
    if (timestamp < high) isSorted = false;
    else high = timestamp;
    if (timestamp < low) low = timestamp;
    if (Math.floor(timestamp) !== timestamp) areIntegers = false;
  }
  const scale = 2 ** Math.ceil(Math.log2(count));
  if (!isSorted && areIntegers && (high - low + 1) * scale <= Number.MAX_SAFE_INTEGER)
    return orderByKey(timestamps, low, scale);
  const order = new Uint32Array(count);
  for (let place = 0; place < count; place++) order[place] = place;
  if (isSorted) return order;
  return order.toSorted((a, b) => (timestamps[a] ?? 0) - (timestamps[b] ?? 0) || a - b);
}

/**
 * Sorts timestamp and place as one number, which takes no function to compare: several times as fast.
 *
 * @param scale - A power of two that no place reaches.
 */
function orderByKey(timestamps: Float64Array, low: number, scale: number): Uint32Array {
  const keys = new Float64Array(timestamps.length);
  for (let place = 0; place < keys.length; place++)
    keys[place] = ((timestamps[place] ?? 0) - low) * scale + place;
  keys.sort();
  const order = new Uint32Array(keys.length);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] ?? 0;
    order[at] = key - Math.floor(key / scale) * scale;
  }
  return order;
}

/**
 * Puts those with the same timestamp in order.
 *
 * @param order - From `orderByTimestamp`.
 * @param groups - Of each place; those of one group are in order as they came.
 */
export function orderTies(
  order: Uint32Array,
  timestamps: Float64Array,
  groups: Uint32Array,
  compare: (a: number, b: number) => number,
): void {
  for (let start = 0; start < order.length;) {
    const first = order[start] ?? 0;
    let isOneGroup = true;
    let end = start + 1;
    for (; end < order.length; end++) {
      const place = order[end] ?? 0;
      if (timestamps[place] !== timestamps[first]) break;
      if (groups[place] !== groups[first]) isOneGroup = false;
    }
    if (!isOneGroup) order.subarray(start, end).sort(compare);
    start = end;
  }
}
