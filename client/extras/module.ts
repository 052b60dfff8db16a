export { explain } from './explain.ts';
export type { PageView } from './page-view.ts';
export { trackElements } from './track-elements.ts';
export { type PageViewOptions, trackPageViews } from './track-page-views.ts';
export type { Tracker } from './tracker.ts';
