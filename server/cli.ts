#!/usr/bin/env node
import { runEraseCommand } from './cli/erase.ts';
import { runErasuresCommand } from './cli/erasures.ts';
import { runReportCommand } from './cli/report.ts';
import { runUserCommand } from './cli/user.ts';
import { runVerifyCommand } from './cli/verify.ts';

const HELP = `Usage: waybill COMMAND

Commands:
  user add NAME --customers A,B   add a user who may report on these customers (* is all), or replace
                                  the one of that name; the password is read from standard input
  user list                       list the users
  report --customer A --product P make a report and write it to standard output; beside a running server, without
                                  one, or from a server elsewhere with --server and --user
  erase --customer A              remove events of a customer from all files, and the reports made of them; ends
                                  when they are gone, leaves a dated record of how many there were
  erasures                        list what was erased, and what those wait for that are not done
  verify                          check every checksum of the stored events' files; ends with 1 if there is damage

Options of report:
  --types T1,T2                   only events of these types
  --start TIME, --end TIME        only events from then on, or until then, both inclusive; a date is the whole day
  --format csv|ndjson             rows of fields [csv], or an event as JSON on each line
  --delimiter C                   one character between fields [|]; \\t is the tab
  --no-header                     without the row that names the columns
  --no-guard                      values that a spreadsheet would take for a formula get no ' in front
  --columns C1,C2                 more columns, of version, received, skew, batch and sequence
  --gzip                          compressed
  --partial                       without the events that are damaged, rather than not at all
  --output FILE                   to a file, which appears when it is whole
  --quiet                         without the line of rows, bytes and SHA-256 on standard error
  --server URL --user NAME        have that server make it; the password is WAYBILL_PASSWORD, or is read from
                                  standard input, where a terminal does not show it

TIME is milliseconds since the Unix epoch, a date of UTC such as 2026-01-31 or 2026-01, or a time of ISO 8601 with
its zone such as 2026-01-31T10:00Z. report ends with 130 if Ctrl-C stopped it, 141 if its reader went away.

Options of the other commands:
  --before TIME                   erase: only events with an earlier timestamp
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
    case 'report': {
      const code = await runReportCommand(rest);
      // Somebody who stopped reading may hold the last write up for ever.
      if (code > 0) process.exit(code);
      return;
    }
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
