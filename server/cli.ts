#!/usr/bin/env node
import { runEraseCommand } from './cli/erase.ts';
import { runErasuresCommand } from './cli/erasures.ts';
import { runUserCommand } from './cli/user.ts';
import { runVerifyCommand } from './cli/verify.ts';

const HELP = `Usage: waybill COMMAND

Commands:
  user add NAME --customers A,B   add a user who may report on these customers (* is all), or replace
                                  the one of that name; the password is read from standard input
  user list                       list the users
  erase --customer A              remove events of a customer from all files, and the reports made of them; ends
                                  when they are gone, leaves a dated record of how many there were
  erasures                        list what was erased, and what those wait for that are not done
  verify                          check every checksum of the stored events' files; ends with 1 if there is damage

Options of the commands:
  --before TIME                   erase: only events with an earlier timestamp; milliseconds or ISO 8601
  --context-key KEY --value TEXT  erase: only events with this value under this key, as the catalog names it
  --context TEXT                  what an application sees as the user's context [waybill]

The data folder is the one that WAYBILL_DATA names [./data], and the events' store the one that WAYBILL_STORE
names [file:./data], with or without a running server.
`;

/** Entry of the command line. */
async function main(): Promise<void> {
  const [command, ...rest] = process.argv.slice(2);
  if (command === undefined || command === '--help' || command === '-h' || rest.includes('--help')) {
    process.stdout.write(HELP);
    if (command === undefined) process.exitCode = 2;
    return;
  }
  switch (command) {
    case 'user':
      process.stdout.write(await runUserCommand(rest));
      return;
    case 'erase':
      await runEraseCommand(rest, (line) => process.stdout.write(`${line}\n`));
      return;
    case 'erasures':
      process.stdout.write(await runErasuresCommand());
      return;
    case 'verify':
      if (!(await runVerifyCommand((line) => process.stdout.write(`${line}\n`)))) process.exitCode = 1;
      return;
    default:
      throw new Error(`there is no command "${command}"; see waybill --help`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`waybill: ${error instanceof Error ? error.message : 'it did not work'}\n`);
  process.exitCode = 1;
});
