import { onTestFinished } from 'vitest';
import { launchServer, type ServerOptions, type ServerProcess } from './launch-server.ts';
import { tempFolder } from './temp-folder.ts';

export { ADMIN, launchServer, type ServerProcess } from './launch-server.ts';

/** The built server as a process of its own; it goes when the test ends. */
export async function startServerProcess(options: ServerOptions = {}): Promise<ServerProcess> {
  const server = await launchServer({ ...options, dataFolder: options.dataFolder ?? (await tempFolder()) });
  onTestFinished(async () => {
    await server.stop('SIGKILL');
  });
  return server;
}
