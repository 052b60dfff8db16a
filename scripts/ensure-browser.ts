import { canInstall, install } from './apt-get.ts';
import { ENGINE_PACKAGES } from './find-engines.ts';

const ADVICE = `The tests need a Chromium, and none was found.
Install one and run the tests again:
  Debian, Ubuntu   sudo apt-get install chromium
  Fedora           sudo dnf install chromium
  macOS            brew install --cask chromium
or set CHROMIUM to the path of a Chromium or Chrome that you have.
`;

/** Sees to it that there are browsers to test with, installing Debian's as root. */
function main(): void {
  const wanted = ENGINE_PACKAGES.filter(({ find, variable }) => {
    // Who names one wants no other.
    return find() === undefined && (variable === undefined || process.env[variable] === undefined);
  });
  if (wanted.length > 0 && canInstall()) {
    process.stdout.write(
      `installing with apt-get, not found: ${wanted.map(({ engine }) => engine).join(', ')}\n`,
    );
    install(wanted.map(({ packages }) => packages));
  }
  for (const { engine, find, packages } of ENGINE_PACKAGES) {
    const browser = find();
    if (browser !== undefined) process.stdout.write(`${engine}: ${browser}\n`);
    else miss(engine, packages);
  }
}

/** Chromium is needed everywhere, the others where the machine is there for the tests. */
function miss(engine: string, packages: readonly string[]): void {
  if (engine === 'Chromium') {
    process.stderr.write(ADVICE);
    process.exitCode = 1;
    return;
  }
  process.stderr.write(
    `\n*** NOT TESTED in ${engine}: it is not installed. Debian has it in: ${packages.join(' ')} ***\n\n`,
  );
  if ((process.env['CI'] ?? '') !== '') process.exitCode = 1;
}

main();
