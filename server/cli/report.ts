import { createHash } from 'node:crypto';
import { constants } from 'node:os';
import { readConfig } from '../config.ts';
import { ProgressBar } from './progress-bar.ts';
import { readPassword } from './read-password.ts';
import { reportsOfServer } from './report-from-server.ts';
import { reportsOfStore } from './report-from-store.ts';
import { parseReportOptions, type ReportOptions } from './report-options.ts';
import { OutputClosedError, outputToFile, outputToStream, type ReportOutput } from './report-output.ts';
import type { MadeReport, ReportWatcher, WithReport } from './report-source.ts';

/** What a shell says of a program that a signal ended: this, and the signal's number. */
const ENDED_BY_SIGNAL = 128;
/** Of a wait for the end of a report, where a bar is to move and where nobody watches. */
const WATCHED_WAIT_SECONDS = 1;
const WAIT_SECONDS = 30;

interface Written {
  readonly rows: number | null;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/**
 * `waybill report --customer … --product …`: has a report made and writes it to standard output or a file.
 *
 * @returns The exit code: 0, or 128 and a signal's number where one ended it, or its reader went away.
 * @throws Error in words for the person at the terminal.
 */
export async function runReportCommand(args: readonly string[]): Promise<number> {
  const options = parseReportOptions(args);
  const source = await sourceOf(options);
  const bar = new ProgressBar(process.stderr, process.env);
  const stop = new AbortController();
  let stoppedBy = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    const code = ENDED_BY_SIGNAL + constants.signals[signal];
    // Whoever asks twice does not want to wait for what is tidied up.
    if (stoppedBy !== 0) process.exit(code);
    stoppedBy = code;
    stop.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  const watcher: ReportWatcher = { signal: stop.signal, onAdvance: (advance) => bar.show(advance) };
  try {
    const written = await source(options.request, watcher, async (report) => {
      bar.clear();
      return writeTo(await openOutput(options), report, stop.signal);
    });
    if (!options.isQuiet) process.stderr.write(summaryOf(written));
    return 0;
  } catch (error) {
    bar.clear();
    if (stoppedBy !== 0) return stoppedBy;
    if (error instanceof OutputClosedError) return ENDED_BY_SIGNAL + constants.signals.SIGPIPE;
    throw error;
  }
}

async function sourceOf({ server }: ReportOptions): Promise<WithReport> {
  if (server === undefined) return reportsOfStore(readConfig(process.env));
  const { address, user } = server;
  const password = process.env['WAYBILL_PASSWORD'] ?? (await readPassword());
  const waitSeconds = process.stderr.isTTY ? WATCHED_WAIT_SECONDS : WAIT_SECONDS;
  return reportsOfServer({ server: address, user, password, waitSeconds });
}

function openOutput({ outputPath }: ReportOptions): Promise<ReportOutput> {
  return outputPath === undefined
    ? Promise.resolve(outputToStream(process.stdout))
    : outputToFile(outputPath);
}

/** Writes a report out; what is not the file that was made is an error, and none is left if it goes to a file. */
async function writeTo(output: ReportOutput, report: MadeReport, signal: AbortSignal): Promise<Written> {
  const hash = createHash('sha256');
  // A reader that has stopped reading would hold up the end for ever.
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('it was stopped')), { once: true });
  });
  stopped.catch(() => undefined);
  let bytes = 0;
  try {
    for await (const chunk of report.read()) {
      signal.throwIfAborted();
      hash.update(chunk);
      bytes += chunk.length;
      await Promise.race([output.write(chunk), stopped]);
    }
    const sha256 = hash.digest('hex');
    if ((report.sha256 ?? sha256) !== sha256 || (report.bytes ?? bytes) !== bytes) {
      throw new Error('what came is not the report that was made (its SHA-256 differs): do not use it');
    }
    signal.throwIfAborted();
    await output.finish();
    return { rows: report.rows, bytes, sha256 };
  } catch (error) {
    await output.abandon().catch(() => undefined);
    throw error;
  }
}

function summaryOf({ rows, bytes, sha256 }: Written): string {
  const counted = rows === null ? '' : `${rows} rows, `;
  return `${counted}${bytes} bytes, sha256 ${sha256}\n`;
}
