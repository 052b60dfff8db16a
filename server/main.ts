import { pino } from 'pino';
import { systemCode } from './errors.ts';
import { readConfig, settingsHelp, type Config } from './config.ts';
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
  const logger = pino(
    { level: config.logLevel, serializers: { err: loggedError } },
    pino.destination({ fd: 2, sync: true }),
  );
  const server = await startServer(config, logger);
  process.stdout.write(welcome(server, config));

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

/** Of an error only what is ours: other properties may hold what a caller sent, or a signed link. */
function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return 'not an error';
  const { name, message, stack, cause } = error;
  return {
    name,
    message,
    code: systemCode(error),
    stack,
    cause: cause === undefined ? undefined : loggedError(cause),
  };
}

function fail(error: unknown): void {
  const messages: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) messages.push(cause.message);
  process.stderr.write(`waybill: ${messages.join(': ') || 'it did not start'}\n`);
  process.exit(1);
}

main().catch(fail);
