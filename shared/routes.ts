/** Where events are sent: a constant of its own, since the browser needs no other path. */
export const EVENTS_PATH = '/events';

/** Every path of the HTTP contract; no other file spells one. */
export const ROUTES = {
  events: EVENTS_PATH,
  reports: '/reports',
  reportAvailability: '/reports/:source/availability',
  reportProgress: '/reports/:source/progress',
  report: '/reports/:source',
  download: '/downloads/:source/:file',
  serviceVersion: '/service/version',
  systemVersion: '/system/version',
  health: '/service/health',
  authenticate: '/service/authenticate',
} as const;

/** Where the browser's files are served; the demo page is the site's root. */
export const ASSETS = {
  page: '/waybill.js',
  module: '/waybill.mjs',
  worker: '/waybill-sw.js',
  demo: '/',
} as const;

export function downloadPath(source: string, file: string): string {
  return `/downloads/${encodeURIComponent(source)}/${encodeURIComponent(file)}`;
}

/** Paths of one report, by its public name. */
export const REPORT_PATHS = {
  report: (source: string): string => `/reports/${encodeURIComponent(source)}`,
  availability: (source: string): string => `/reports/${encodeURIComponent(source)}/availability`,
  progress: (source: string): string => `/reports/${encodeURIComponent(source)}/progress`,
};
