import { Router } from '@koa/router';
import Koa from 'koa';
import type { Logger } from 'pino';
import { ROUTES } from '../shared/routes.ts';
import type { Service } from '../shared/service.ts';
import type { Assets } from './assets.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { Config } from './config.ts';
import { addDownloadRoute } from './http/download-route.ts';
import { serveAssets } from './http/serve-assets.ts';
import { requireUser } from './http/basic-auth.ts';
import type { WaybillState } from './http/context.ts';
import { allowOrigins, requireOrigin } from './http/cors.ts';
import { errorBoundary } from './http/error-boundary.ts';
import { nameBatch, postEvents } from './http/events-route.ts';
import { readRequestBody } from './http/read-body.ts';
import { addReportRoutes, attempt } from './http/reports-route.ts';
import { addServiceRoutes } from './http/service-route.ts';
import { serviceHealth } from './service-health.ts';
import type { ReportService } from './reports/report-service.ts';
import type { EventStore } from './store/event-store.ts';
import type { Authenticator } from './users/authenticator.ts';

export interface AppDependencies {
  readonly config: Config;
  readonly service: Service;
  readonly store: EventStore;
  readonly catalog: Catalog;
  readonly reports: ReportService;
  readonly authenticator: Authenticator;
  readonly linkKey: string;
  /** The time below which an event that comes at a time is refused. */
  readonly expiryAt: (nowMs: number) => number;
  readonly assets: Assets;
  readonly now: () => number;
  readonly logger: Logger;
}

/** The Koa application, its middlewares in the order that a request travels. Opens no port. */
export function createApp(deps: AppDependencies): Koa {
  const { config, service, store, catalog, reports, linkKey, expiryAt, now, logger } = deps;
  const { limits, linkTtlMs, publicUrl } = config;
  const authenticate = requireUser(deps.authenticator);
  const readBody = readRequestBody(limits.maxBodyBytes);

  const router = new Router<WaybillState>();
  router.post(
    ROUTES.events,
    attempt('store events'),
    requireOrigin(config.origins, config.publicUrl),
    nameBatch,
    readBody,
    postEvents({ store, catalog, limits, expiryAt, now }),
  );
  addReportRoutes(router, { reports, catalog, linkKey, linkTtlMs, publicUrl, now, authenticate, readBody });
  addDownloadRoute(router, { reports, linkKey, now });
  addServiceRoutes(router, service, () => serviceHealth(store), authenticate);

  const app = new Koa<WaybillState>();
  app.use(errorBoundary(logger));
  app.use((ctx, next) => {
    ctx.set('X-Content-Type-Options', 'nosniff');
    return next();
  });
  app.use(serveAssets(deps.assets));
  app.use(allowOrigins(config.origins));
  app.use(router.routes());
  app.use(router.allowedMethods());
  // Answers are shaped above; what arrives here are sockets that ended early.
  app.on('error', (error: unknown) => logger.debug({ err: error }, 'connection ended early'));
  return app;
}
