import type { Router } from '@koa/router';
import type { Context, Middleware } from 'koa';
import type { ReportLink } from '../../shared/report.ts';
import { ROUTES } from '../../shared/routes.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { AppError } from '../errors.ts';
import { signLink } from '../reports/download-link.ts';
import { type ReportJob, statusOf } from '../reports/report-jobs.ts';
import { parseReportRequest } from '../reports/report-request.ts';
import { reportFileName } from '../reports/report-files.ts';
import type { ReportService } from '../reports/report-service.ts';
import { parseJson } from '../parse-json.ts';
import { mayReportOn } from '../users/user-table.ts';
import { bodyOf, headerOf, userOf, type WaybillContext, type WaybillState } from './context.ts';
import { waitSeconds } from './prefer.ts';

export interface ReportRoutes {
  readonly reports: ReportService;
  readonly catalog: Catalog;
  readonly linkKey: string;
  readonly linkTtlMs: number;
  readonly publicUrl: string | undefined;
  readonly now: () => number;
  readonly authenticate: Middleware<WaybillState>;
  readonly readBody: Middleware<WaybillState>;
}

/** The permission to report on every customer. */
const ALL_CUSTOMERS = '*';
/** Jobs that a list shows. */
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** The routes of reports: ask for one, list them, see how one is doing, get a link, delete it. */
export function addReportRoutes(router: Router<WaybillState>, routes: ReportRoutes): void {
  const { reports, catalog, authenticate, readBody } = routes;

  router.post(ROUTES.reports, attempt('make a report'), authenticate, readBody, async (ctx) => {
    const request = parseReportRequest(parseJson(bodyOf(ctx)), catalog);
    const user = userOf(ctx);
    if (!mayReportOn(user, request.filter.customer)) {
      const message = 'this user has no right to reports of this customer';
      throw new AppError('REQUEST_AUTHORIZATION_FAILURE', message, { path: 'filter.customer' });
    }
    ctx.body = await reports.submit(user.id, request);
  });

  router.get(ROUTES.reports, attempt('list reports'), authenticate, (ctx) => {
    const limit = limitOf(ctx);
    const user = userOf(ctx);
    const visible = reports.listOf(user.id).filter(({ filter }) => mayReportOn(user, filter.customer));
    ctx.body = visible.slice(0, limit).map((job) => reports.progressOf(job));
  });

  router.get(ROUTES.reportAvailability, attempt('see a report'), authenticate, async (ctx) => {
    ctx.body = statusOf(await awaitedJob(ctx, reports));
  });

  router.get(ROUTES.reportProgress, attempt('see how far a report is'), authenticate, async (ctx) => {
    ctx.body = reports.progressOf(await awaitedJob(ctx, reports));
  });

  router.delete(ROUTES.report, attempt('delete a report'), authenticate, async (ctx) => {
    const job = visibleJob(ctx, reports, sourceParameter(ctx));
    const user = userOf(ctx);
    if (job.userId !== user.id && !mayReportOn(user, ALL_CUSTOMERS)) {
      const message = 'only who has asked for a report, or may report on all customers, may delete it';
      throw new AppError('REQUEST_AUTHORIZATION_FAILURE', message, { path: 'source' });
    }
    await reports.remove(job);
    ctx.status = 204;
  });

  router.get(ROUTES.report, attempt('get a report'), authenticate, (ctx) => {
    const wanted = ctx.accepts('application/json', 'text/csv');
    if (wanted === false) {
      throw new AppError('REQUEST_NOT_ACCEPTABLE', 'a report is application/json or text/csv', {
        path: 'Accept',
      });
    }
    const source = sourceParameter(ctx);
    const job = visibleJob(ctx, reports, source);
    if (job.status === 'RUNNING') {
      throw new AppError('EVENT_JOB_GET_FAILED_RUNNING', 'the report is still being made', {
        path: 'source',
      });
    }
    if (job.status !== 'COMPLETE') {
      throw new AppError('EVENT_JOB_GET_FAILED', job.error ?? 'the report was not made', { path: 'source' });
    }
    const expiredMs = reports.expiredMs(job);
    if (expiredMs !== undefined) {
      const day = new Date(expiredMs).toISOString().slice(0, 10);
      throw noJob(`the report has expired on ${day}: ask for it again`);
    }
    const path = signLink(source, reportFileName(job), routes.now() + routes.linkTtlMs, routes.linkKey);
    const link: ReportLink = { link: `${routes.publicUrl ?? callersAddress(ctx)}${path}` };
    ctx.set('Cache-Control', 'no-store');
    if (wanted === 'text/csv') ctx.redirect(link.link);
    else ctx.body = link;
  });
}

/** Says what a request attempts, for the root of an error answer. */
export function attempt(what: string): Middleware<WaybillState> {
  return (ctx, next) => {
    ctx.state.attempt = what;
    return next();
  };
}

function visibleJob(
  ctx: { readonly state: WaybillState },
  reports: ReportService,
  source: string,
): ReportJob {
  const job = reports.find(source);
  // Whether another customer's report exists is nobody's business.
  if (job === undefined || !mayReportOn(userOf(ctx), job.filter.customer)) throw noJob();
  return job;
}

/** The job that a request names: once it has ended, if the caller prefers to wait for that. */
async function awaitedJob(ctx: WaybillContext, reports: ReportService): Promise<ReportJob> {
  const source = sourceParameter(ctx);
  const job = visibleJob(ctx, reports, source);
  const seconds = waitSeconds(headerOf(ctx, 'prefer'));
  if (seconds === undefined) return job;
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  ctx.res.once('close', leave);
  if (ctx.res.destroyed) leave();
  const isApplied = await reports.whenEnded(job, seconds * 1_000, gone.signal);
  ctx.res.off('close', leave);
  if (isApplied) ctx.set('Preference-Applied', `wait=${seconds}`);
  return visibleJob(ctx, reports, source);
}

/** How many jobs a caller wants to be shown at most. */
function limitOf({ query }: Context): number {
  const { limit = String(DEFAULT_LIMIT) } = query;
  const number = typeof limit === 'string' && /^\d{1,4}$/.test(limit) ? Number(limit) : NaN;
  if (number >= 1 && number <= MAX_LIMIT) return number;
  const message = `"limit" must be an integer from 1 to ${MAX_LIMIT}`;
  throw new AppError('REQUEST_PARAMETER_MALFORMED', message, { path: 'limit' });
}

/** The base of the address that the caller used. */
function callersAddress({ protocol, host }: Context): string {
  const address = `${protocol}://${host}`;
  if (host === '' || !URL.canParse(address)) {
    throw new AppError('REQUEST_PARAMETER_MALFORMED', '"Host" is not the name of a host', { path: 'Host' });
  }
  return address;
}

/** That a report can't be had; of one that the caller may not see nothing else is said. */
export function noJob(message = 'there is no such report'): AppError {
  return new AppError('EVENT_JOB_GET_FAILED_NO_JOB', message, { path: 'source' });
}

function sourceParameter(ctx: Context): string {
  return params(ctx).source ?? '';
}

/** The parameters of the route's path. */
export function params(ctx: Context & { params?: Record<string, string> }): Readonly<Record<string, string>> {
  return ctx.params ?? {};
}
