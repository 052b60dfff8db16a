import { buildClient } from './build-client.ts';
import { buildServer } from './build-server.ts';

const [hashed] = await Promise.all([buildClient('dist/client'), buildServer('dist/server')]);
process.stdout.write('Also served under a name with its hash, for the attribute integrity:\n');
for (const { file, hashed: name, integrity } of hashed)
  process.stdout.write(`${file.padEnd(18)}  ${name.padEnd(35)}  ${integrity}\n`);
