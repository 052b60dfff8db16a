import type { UsageEvent } from '../../../../shared/event.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import {
  CONTEXT_BYTES,
  EVENT_NUMBERS,
  PRODUCT,
  PRODUCT_BYTES,
  SEQUENCE,
  TIMESTAMP_BYTES,
  TYPE,
  TYPE_BYTES,
  VERSION_BYTES,
  type LineEvents,
} from './line-events.ts';

/**
 * Writes events in the form that `scanEvent` knows, codes with an escape included.
 *
 * @param events - Gets where the parts of each are.
 * @returns The view that they are in.
 */
export function writeEvents(
  numbered: readonly { readonly sequence: number; readonly event: UsageEvent }[],
  events: LineEvents,
): DataView {
  const texts = new GrowingBuffer(65_536);
  events.count = 0;
  for (const { event, sequence } of numbered) {
    const { customer, product, type, timestamp, context, version } = event;
    events.reserve();
    const { numbers, timestamps, count } = events;
    const first = count * EVENT_NUMBERS;
    timestamps[count] = timestamp;
    texts.append('{"customer":"');
    numbers[first + PRODUCT] = texts.length;
    numbers[first + PRODUCT_BYTES] = texts.append(
      `${JSON.stringify(customer).slice(1)},"product":${JSON.stringify(product).slice(0, -1)}`,
    );
    texts.append('","type":');
    numbers[first + TYPE] = texts.length;
    numbers[first + TYPE_BYTES] = texts.append(JSON.stringify(type));
    texts.append(',"timestamp":');
    numbers[first + TIMESTAMP_BYTES] = texts.append(JSON.stringify(timestamp));
    texts.append(',"context":');
    numbers[first + CONTEXT_BYTES] = texts.append(JSON.stringify(context));
    numbers[first + VERSION_BYTES] = 0;
    if (version !== undefined) {
      texts.append(',"version":');
      numbers[first + VERSION_BYTES] = texts.append(JSON.stringify(version));
    }
    texts.append('}');
    numbers[first + SEQUENCE] = sequence;
    events.count = count + 1;
  }
  return texts.view;
}
