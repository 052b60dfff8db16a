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
import { bodyOf, userOf, type WaybillState } from './context.ts';

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

/** The routes of reports: ask for one, see how it is doing, get a link, download. */
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

  router.get(ROUTES.reportAvailability, attempt('see a report'), authenticate, (ctx) => {
    ctx.body = statusOf(visibleJob(ctx, reports, sourceParameter(ctx)));
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

/** The base of the address that the caller used. */
function callersAddress({ protocol, host }: Context): string {
  const address = `${protocol}://${host}`;
  if (host === '' || !URL.canParse(address)) {
    throw new AppError('REQUEST_PARAMETER_MALFORMED', '"Host" is not the name of a host', { path: 'Host' });
  }
  return address;
}

/** That nobody may know more of a report than that it can't be had. */
export function noJob(): AppError {
  return new AppError('EVENT_JOB_GET_FAILED_NO_JOB', 'there is no such report', { path: 'source' });
}

function sourceParameter(ctx: Context): string {
  return params(ctx).source ?? '';
}

/** The parameters of the route's path. */
export function params(ctx: Context & { params?: Record<string, string> }): Readonly<Record<string, string>> {
  return ctx.params ?? {};
}
