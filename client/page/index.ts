import { readDataset } from './options.ts';
import { createPageCollector } from './page-collector.ts';
import { replayCall } from './replay.ts';

const script = document.currentScript;
const found = window.waybill;

// A page may hold the tag twice: the first one's collector stays.
if (!found || 'q' in found) {
  const isTag = script instanceof HTMLScriptElement;
  const collector = createPageCollector(isTag && script.src ? script.src : location.href);
  window.waybill = collector;
  const options = isTag ? readDataset(script.dataset) : undefined;
  if (options) collector.init(options);
  for (const call of found?.q ?? []) replayCall(collector, call);
}
