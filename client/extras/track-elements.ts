import { readContext } from './read-context.ts';
import { say } from './say.ts';
import type { Tracker } from './tracker.ts';

const TYPE = 'data-waybill-event';
const ON = 'data-waybill-on';

/** What an element's event may be tracked on. */
const KINDS = ['click', 'submit', 'change'];

/**
 * Tracks an event when an element with `data-waybill-event="TYPE"` is used: a form when it is submitted, anything else
 * when it is clicked, or as `data-waybill-on` says. The attributes are read in that moment.
 *
 * Of elements within each other, the innermost that is tracked on the same kind counts. It listens in the capture
 * phase of the document, so a handler of the page that stops an event hides nothing; the event itself is never
 * touched.
 *
 * @returns What ends it.
 */
export function trackElements(tracker: Tracker): () => void {
  const ending = new AbortController();
  const options = { capture: true, passive: true, signal: ending.signal };
  const roots = new WeakSet<ShadowRoot>();
  const isRepeated = createLabelMemory();

  function onUse(event: Event): void {
    const path = event.composedPath();
    const element = path.find((target) => isTrackedOn(target, event.type));
    if (!(element instanceof Element) || isRepeated(event, path, element)) return;
    const type = element.getAttribute(TYPE) ?? '';
    say('log', `${event.type} on`, element, `tracks ${type}`);
    tracker.track(type, readContext(element));
  }

  /** `submit` and `change` don't leave a shadow tree, but what comes before them does. */
  function onApproach(event: Event): void {
    for (const target of event.composedPath()) {
      if (!(target instanceof ShadowRoot) || roots.has(target)) continue;
      roots.add(target);
      for (const kind of ['submit', 'change']) target.addEventListener(kind, onUseInside, options);
    }
  }

  function onUseInside(event: Event): void {
    // Those that a component lets out are seen at the document.
    if (!event.composed) onUse(event);
  }

  for (const kind of KINDS) document.addEventListener(kind, onUse, options);
  for (const kind of ['focusin', 'click']) document.addEventListener(kind, onApproach, options);
  return () => ending.abort();
}

function isTrackedOn(target: EventTarget, kind: string): boolean {
  if (!(target instanceof Element) || !target.hasAttribute(TYPE)) return false;
  const on = target.getAttribute(ON) ?? (target.localName === 'form' ? 'submit' : 'click');
  if (!KINDS.includes(on)) say('warn', `${ON}="${on}" is none of ${KINDS.join(', ')}`, target);
  return on === kind;
}

/**
 * A click on a label is followed by one on its control, in the same task: to whoever contains both, that is one click.
 *
 * @returns Whether a click repeats the one before it.
 */
function createLabelMemory(): (event: Event, path: readonly EventTarget[], element: Element) => boolean {
  let last: { readonly control: EventTarget; readonly element: Element } | undefined;
  return (event, path, element) => {
    if (event.type !== 'click') return false;
    if (path[0] === last?.control && element === last?.element) return true;
    const label = path.find((target) => target instanceof HTMLLabelElement);
    const control = label instanceof HTMLLabelElement ? label.control : null;
    if (control && control !== path[0]) {
      last = { control, element };
      setTimeout(() => (last = undefined));
    }
    return false;
  };
}
