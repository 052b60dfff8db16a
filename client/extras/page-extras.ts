import { explain } from './explain.ts';
import { parseViewContext } from './page-view.ts';
import { watchWaybill } from './page-waybill.ts';
import { openConsole, say } from './say.ts';
import { trackElements } from './track-elements.ts';
import { trackPageViews } from './track-page-views.ts';

/** What the script tag leaves on the page, as `window.waybillExtras`. */
export interface PageExtras {
  /** Explains in the console what happens from now on; also for whoever types it there. */
  explain(): void;
  /** Ends everything that the extras do, and takes back what they have put on the page. */
  stop(): void;
}

/**
 * Starts what a script tag asks for: elements always, page views with `data-page-view="TYPE"`, explanations with
 * `data-debug`.
 */
export function startExtras(data: Readonly<Record<string, string | undefined>>): PageExtras {
  const ends: (() => void)[] = [];
  let isExplaining = false;
  const waybill = watchWaybill((collector) => {
    if (isExplaining) ends.push(explain(collector));
  });

  function startExplaining(): void {
    if (isExplaining) return;
    isExplaining = true;
    ends.push(openConsole());
    const collector = waybill.collector();
    if (collector) ends.push(explain(collector));
    else say('log', 'the collector’s script has not come yet; what is tracked until then is kept');
  }

  const { debug, pageView, pageViewContext } = data;
  // First, so that it explains the rest.
  if (debug !== undefined && debug !== 'false') startExplaining();
  ends.push(trackElements(waybill));
  if (pageView) {
    const context = pageViewContext === undefined ? undefined : parseViewContext(pageViewContext);
    ends.push(trackPageViews(waybill, pageView, { context }));
  }
  return {
    explain: startExplaining,
    stop() {
      isExplaining = false;
      for (let end = ends.pop(); end; end = ends.pop()) end();
      waybill.stop();
    },
  };
}
