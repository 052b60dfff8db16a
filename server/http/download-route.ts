import type { Router } from '@koa/router';
import type { Context } from 'koa';
import { ROUTES } from '../../shared/routes.ts';
import { AppError } from '../errors.ts';
import { isLinkGood } from '../reports/download-link.ts';
import type { ReportFile } from '../reports/report-file.ts';
import type { ReportJob } from '../reports/report-jobs.ts';
import type { ReportService } from '../reports/report-service.ts';
import { type ByteRange, parseByteRange } from './byte-range.ts';
import { headerOf, type WaybillState } from './context.ts';
import { namesTag, namesTagStrongly } from './entity-tag.ts';
import { attempt, noJob, params } from './reports-route.ts';
import { representationOf } from './report-representation.ts';

export interface DownloadRoute {
  readonly reports: ReportService;
  readonly linkKey: string;
  readonly now: () => number;
}

/** A client that takes nothing for so long is given up: each one holds an open file. */
const STALLED_MS = 300_000;

/** What pages of other origins may read of an answer besides what any answer lets them read. */
const EXPOSED = [
  'Accept-Ranges',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Range',
  'ETag',
  'Repr-Digest',
  'Waybill-Row-Count',
].join(',');

/** The route that a signed link leads to: the file of a report, or a part of it, for anyone who holds the link. */
export function addDownloadRoute(
  router: Router<WaybillState>,
  { reports, linkKey, now }: DownloadRoute,
): void {
  router.get(ROUTES.download, attempt('download a report'), async (ctx) => {
    const { source = '', file: name = '' } = params(ctx);
    const { expires, signature } = ctx.query;
    expose(ctx);
    if (!isLinkGood(source, name, expires, signature, linkKey, now())) {
      throw new AppError('LINK_INVALID', 'the link has expired or was altered: ask for a new one');
    }
    const job = reports.find(source);
    const file = job && (await reports.openFile(source, name));
    if (job === undefined || file === undefined) throw noJob();
    let isRead = false;
    try {
      isRead = answer(ctx, job, file);
    } finally {
      if (!isRead) await file.close();
    }
  });
}

/**
 * Answers with what a request asks for of a file.
 *
 * @returns Whether the file is read, and so closed, by the answer's body.
 */
function answer(ctx: Context, job: ReportJob, file: ReportFile): boolean {
  const { size } = file;
  const acceptsGzip = ctx.acceptsEncodings('gzip') === 'gzip';
  const { tag, headers } = representationOf(job, file, acceptsGzip);
  ctx.set('Cache-Control', 'private, no-store');
  if (job.output.compression === 'gzip') ctx.vary('Accept-Encoding');
  const range = wantedRange(ctx, tag, size);
  ctx.set('ETag', tag);
  if (range === 'unchanged') {
    ctx.status = 304;
    return false;
  }
  ctx.set('Accept-Ranges', 'bytes');
  ctx.set(headers);
  if (range !== 'whole') {
    ctx.status = 206;
    ctx.set('Content-Range', `bytes ${range.first}-${range.last}/${size}`);
  } else ctx.status = 200;
  const [first, last] = range === 'whole' ? [0, size - 1] : [range.first, range.last];
  if (ctx.method !== 'HEAD') {
    ctx.res.setTimeout(STALLED_MS, () => ctx.res.destroy());
    ctx.body = file.read(first, last);
  }
  ctx.length = last - first + 1;
  return ctx.method !== 'HEAD';
}

/**
 * What is to be sent, by the conditions of the request in the order of RFC 9110, section 13.2.2.
 *
 * @throws AppError if a condition does not hold, or none of the wanted bytes exist.
 */
function wantedRange(ctx: Context, tag: string, size: number): ByteRange | 'whole' | 'unchanged' {
  const condition = headerOf(ctx, 'if-match');
  if (condition !== '' && !namesTagStrongly(condition, tag)) {
    throw new AppError('REQUEST_PRECONDITION_FAILED', 'the report is not the one that is asked for', {
      path: 'If-Match',
    });
  }
  const known = headerOf(ctx, 'if-none-match');
  if (known !== '' && namesTag(known, tag)) return 'unchanged';
  const version = headerOf(ctx, 'if-range');
  // A part of another version than that of which the client has the rest would be of no use. A time names none.
  if (ctx.method !== 'GET' || (version !== '' && !namesOne(version, tag))) return 'whole';
  const range = parseByteRange(headerOf(ctx, 'range'), size);
  if (range !== 'unsatisfiable') return range;
  ctx.set('Content-Range', `bytes */${size}`);
  throw new AppError('REQUEST_RANGE_UNSATISFIABLE', `the report has no such bytes, but ${size} in all`, {
    path: 'Range',
  });
}

function namesOne(version: string, tag: string): boolean {
  return version.trim() === tag;
}

/** Only where the answer may be read by another origin at all. */
function expose(ctx: Context): void {
  const always = ctx.response.get('Access-Control-Expose-Headers');
  if (always !== '') ctx.set('Access-Control-Expose-Headers', `${always},${EXPOSED}`);
}
