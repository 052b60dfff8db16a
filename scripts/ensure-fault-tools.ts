import { canInstall, install } from './apt-get.ts';
import { areFaultsRequired, FAULT_TOOLS, findFaultTool } from './find-fault-tools.ts';

/** Sees to it that power cuts and failing disks can be made to test with, installing what it takes as root. */
function main(): void {
  const wanted = missingPackages();
  if (wanted.length > 0 && canInstall()) {
    process.stdout.write(`installing with apt-get: ${wanted.join(', ')}\n`);
    install(wanted.map((name) => [name]));
  }
  const missing = missingPackages();
  if (missing.length === 0) return;
  process.stderr.write(
    `\n*** NOT TESTED: disks that fail. What it takes is not installed. Debian has it in: ${missing.join(' ')} ***\n\n`,
  );
  if (areFaultsRequired()) process.exitCode = 1;
}

function missingPackages(): readonly string[] {
  const missing = FAULT_TOOLS.filter(({ program }) => findFaultTool(program) === undefined);
  return [...new Set(missing.map(({ package: name }) => name))];
}

main();
