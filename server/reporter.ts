import type { LocalReport, Reporter } from './admin/admin-report.ts';
import type { Catalog } from './catalog/catalog.ts';
import { reportFileName } from './reports/report-files.ts';
import { sourceOf, type ReportJob } from './reports/report-jobs.ts';
import { parseReportRequest } from './reports/report-request.ts';
import type { ReportService } from './reports/report-service.ts';

/** Who asks for the reports that the command line has made; a user of the same name sees them. */
const USER_ID = 'waybill report';

/** Has reports made by the server for tools on its machine. */
export class ServiceReporter implements Reporter {
  readonly #reports: ReportService;
  readonly #catalog: Catalog;

  constructor(reports: ReportService, catalog: Catalog) {
    this.#reports = reports;
    this.#catalog = catalog;
  }

  async begin(request: unknown): Promise<string> {
    const { source } = await this.#reports.submit(USER_ID, parseReportRequest(request, this.#catalog));
    return source;
  }

  track(source: string): LocalReport | null {
    const job = this.#reports.find(source);
    if (job === undefined) return null;
    const { share, rows, expectedEnd } = this.#reports.progressOf(job).progress;
    return localReport(job, { share, rows, expectedEnd });
  }

  async remove(source: string): Promise<void> {
    const job = this.#reports.find(source);
    if (job !== undefined) await this.#reports.remove(job);
  }
}

/** What a tool is told of a job. */
export function localReport(
  job: ReportJob,
  progress: Pick<LocalReport, 'share' | 'rows' | 'expectedEnd'> = {
    share: null,
    rows: null,
    expectedEnd: null,
  },
): LocalReport {
  return {
    source: sourceOf(job),
    file: reportFileName(job),
    status: job.status,
    ...progress,
    rows: job.rows ?? progress.rows,
    bytes: job.bytes ?? null,
    sha256: job.sha256 ?? null,
    error: job.error ?? null,
  };
}
