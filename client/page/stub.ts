/**
 * For pages that track before an `async` script has come: put it in an inline script, or in a script of the
 * site's own that runs earlier. Calls made to it return nothing; they are kept and done later, events with
 * the time at which they were tracked.
 */
export const STUB = `window.waybill = window.waybill || {
  q: [],
  init(...args) { this.q.push(['init', Date.now(), ...args]); },
  track(...args) { this.q.push(['track', Date.now(), ...args]); },
  optOut() { this.q.push(['optOut']); },
  optIn() { this.q.push(['optIn']); },
};`;
