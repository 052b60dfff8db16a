#!/usr/bin/env node
import { runUserCommand } from './cli/user.ts';

const HELP = `Usage: waybill COMMAND

Commands:
  user add NAME --customers A,B   add a user who may report on these customers (* is all), or replace
                                  the one of that name; the password is read from standard input
  user list                       list the users

Options of the commands:
  --context TEXT                  what an application sees as the user's context [waybill]

The data folder is the one that WAYBILL_DATA names [./data], with or without a running server.
`;

/** Entry of the command line. */
async function main(): Promise<void> {
  const [command, ...rest] = process.argv.slice(2);
  if (command === undefined || command === '--help' || command === '-h' || rest.includes('--help')) {
    process.stdout.write(HELP);
    if (command === undefined) process.exitCode = 2;
    return;
  }
  if (command !== 'user') throw new Error(`there is no command "${command}"; see waybill --help`);
  process.stdout.write(await runUserCommand(rest));
}

main().catch((error: unknown) => {
  process.stderr.write(`waybill: ${error instanceof Error ? error.message : 'it did not work'}\n`);
  process.exitCode = 1;
});
