import { chunksOf } from './load-chunk.ts';
import { readDataset } from './options.ts';
import { createPageCollector } from './page-collector.ts';
import { replayCall } from './replay.ts';

const script = document.currentScript;
const found = window.waybill;

// A page may hold the tag twice: the first one's collector stays.
if (!found || 'q' in found) {
  const isTag = script instanceof HTMLScriptElement;
  const options = isTag ? readDataset(script.dataset) : {};
  const scriptUrl = isTag && script.src ? script.src : location.href;
  const collector = createPageCollector(scriptUrl, chunksOf, options);
  window.waybill = collector;
  const { customer, product } = options;
  if (customer && product) collector.init({ customer, product });
  for (const call of found?.q ?? []) replayCall(collector, call);
}
