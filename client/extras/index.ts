import { type PageExtras, startExtras } from './page-extras.ts';

declare global {
  interface Window {
    waybillExtras?: PageExtras;
  }
}

const script = document.currentScript;

// A page may hold the tag twice: each event is to be tracked once.
window.waybillExtras ??= startExtras(script instanceof HTMLScriptElement ? script.dataset : {});
