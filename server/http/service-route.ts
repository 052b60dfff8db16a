import type { Router } from '@koa/router';
import type { Middleware } from 'koa';
import { ROUTES } from '../../shared/routes.ts';
import type { Authentication, Health, Service } from '../../shared/service.ts';
import { userOf, type WaybillState } from './context.ts';
import { attempt } from './reports-route.ts';

/** The routes that say what is running here, how it is, and who is asking. */
export function addServiceRoutes(
  router: Router<WaybillState>,
  service: Service,
  health: () => Promise<Health>,
  authenticate: Middleware<WaybillState>,
): void {
  router.get([ROUTES.serviceVersion, ROUTES.systemVersion], attempt('see the version'), (ctx) => {
    ctx.body = service;
  });

  router.get(ROUTES.health, attempt('see the health'), async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    ctx.body = await health();
  });

  router.get(ROUTES.authenticate, attempt('authenticate'), authenticate, (ctx) => {
    const { id, context, permissions } = userOf(ctx);
    const answer: Authentication = { service, user: { id, context, permissions } };
    ctx.body = answer;
  });
}
