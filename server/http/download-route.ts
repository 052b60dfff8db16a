import type { Router } from '@koa/router';
import { ROUTES } from '../../shared/routes.ts';
import { AppError } from '../errors.ts';
import { isLinkGood } from '../reports/download-link.ts';
import type { ReportService } from '../reports/report-service.ts';
import type { WaybillState } from './context.ts';
import { attempt, noJob, params } from './reports-route.ts';

export interface DownloadRoute {
  readonly reports: ReportService;
  readonly linkKey: string;
  readonly now: () => number;
}

/** The route that a signed link leads to: the file of a report, for anyone who holds the link. */
export function addDownloadRoute(
  router: Router<WaybillState>,
  { reports, linkKey, now }: DownloadRoute,
): void {
  router.get(ROUTES.download, attempt('download a report'), async (ctx) => {
    const { source = '', file = '' } = params(ctx);
    const { expires, signature } = ctx.query;
    if (!isLinkGood(source, file, expires, signature, linkKey, now())) {
      throw new AppError('LINK_INVALID', 'the link has expired or was altered: ask for a new one');
    }
    const found = await reports.openFile(source, file);
    if (found === undefined) throw noJob();
    ctx.set('Cache-Control', 'private, no-store');
    ctx.attachment(file);
    ctx.type = 'text/csv; charset=utf-8';
    ctx.length = found.size;
    ctx.body = found.stream;
  });
}
