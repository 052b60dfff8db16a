import { buildClient } from './build-client.ts';
import { buildServer } from './build-server.ts';

await Promise.all([buildClient('dist/client'), buildServer('dist/server')]);
