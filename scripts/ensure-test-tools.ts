import { canInstall, install } from './apt-get.ts';
import { areToolsRequired, TEST_TOOLS, findTestTool } from './find-test-tools.ts';

/** Sees to it that power cuts and failing disks can be made to test with, and files be read; installs what it takes as root. */
function main(): void {
  const wanted = missingPackages();
  if (wanted.length > 0 && canInstall()) {
    process.stdout.write(`installing with apt-get: ${wanted.join(', ')}\n`);
    install(wanted.map((name) => [name]));
  }
  const missing = missingPackages();
  if (missing.length === 0) return;
  process.stderr.write(
    `\n*** NOT TESTED: all that needs what is not installed. Debian has it in: ${missing.join(' ')} ***\n\n`,
  );
  if (areToolsRequired()) process.exitCode = 1;
}

function missingPackages(): readonly string[] {
  const missing = TEST_TOOLS.filter(({ program }) => findTestTool(program) === undefined);
  return [...new Set(missing.map(({ package: name }) => name))];
}

main();
