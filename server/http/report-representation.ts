import type { ReportFile } from '../reports/report-file.ts';
import { reportFileName } from '../reports/report-files.ts';
import type { ReportJob } from '../reports/report-jobs.ts';

/** A report as one request gets it. */
export interface ReportRepresentation {
  /** Strong, with its quotes. */
  readonly tag: string;
  /** What is said of it besides, in parts as in whole. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * How a report is served: one that was made with gzip as the text that it holds, coded, where the client can decode
 * that, else as the compressed file that was asked for. The bytes are the same.
 *
 * @param acceptsGzip - Whether the client takes `Content-Encoding: gzip`.
 */
export function representationOf(
  job: ReportJob,
  { size, modifiedMs }: Pick<ReportFile, 'size' | 'modifiedMs'>,
  acceptsGzip: boolean,
): ReportRepresentation {
  const isCompressed = job.output.compression === 'gzip';
  const isCoded = isCompressed && acceptsGzip;
  const name = reportFileName(job);
  // Jobs of older versions don't know their file's digest.
  const version = job.sha256 ?? `${size.toString(16)}-${Math.trunc(modifiedMs).toString(16)}`;
  return {
    tag: `"${version}${isCoded ? '-gzip' : ''}"`,
    headers: {
      'Content-Type': isCompressed && !isCoded ? 'application/gzip' : textType(job),
      'Content-Disposition': `attachment; filename="${isCoded ? name.replace(/\.gz$/, '') : name}"`,
      ...(isCoded && { 'Content-Encoding': 'gzip' }),
      ...(job.sha256 !== undefined && {
        'Repr-Digest': `sha-256=:${Buffer.from(job.sha256, 'hex').toString('base64')}:`,
      }),
      ...(job.rows !== undefined && { 'Waybill-Row-Count': String(job.rows) }),
    },
  };
}

function textType({ output }: ReportJob): string {
  if (output.format === 'ndjson') return 'application/x-ndjson';
  return `text/csv; charset=utf-8; header=${output.header ? 'present' : 'absent'}`;
}
