import { isFull } from './disk-errors.ts';
import { readConfig, settingsHelp, type Config } from './config.ts';
import { createLogger } from './logger.ts';
import { startServer, type RunningServer } from './server.ts';

const HELP = `Waybill collects events, stores them durably, and makes reports of them.

Usage: node dist/server/main.js [--help]

Settings are environment variables, all optional:
${settingsHelp()}
`;

/** Entry of the server: settings, start, signals, exit codes. */
async function main(): Promise<void> {
  if (process.argv.includes('--help') || process.argv.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  const config = readConfig(process.env);
  const logger = createLogger(config.logLevel);
  // It may go to a file on a full disk, which is no reason not to serve.
  process.stdout.on('error', () => undefined);
  const server = await startServer(config, logger);
  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    logger.info({ signal }, 'stopping');
    server.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Last: whoever reads it may stop the server at once.
  process.stdout.write(welcome(server, config));
}

function welcome({ address, newAdministrator }: RunningServer, config: Config): string {
  const lines = [
    `Waybill listens on ${address}`,
    `Demo page          ${address}/`,
    `Events are kept in ${config.storeUrl}`,
  ];
  if (newAdministrator !== undefined) {
    const { id, password } = newAdministrator;
    lines.push(`Administrator      ${id}`, `Password           ${password}   (shown this once)`);
  }
  return `${lines.join('\n')}\n`;
}

function fail(error: unknown): void {
  const messages: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    messages.push(cause.message);
    if (isFull(cause) && cause.cause === undefined)
      messages.push('free some space, or some files (df -h, df -i), and start again');
  }
  process.stderr.write(`waybill: ${messages.join(': ') || 'it did not start'}\n`);
  process.exit(1);
}

main().catch(fail);
