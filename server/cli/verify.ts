import { readConfig } from '../config.ts';
import { verifyStore } from '../store/open-store.ts';

/**
 * `waybill verify`: checks every checksum of the store's files, with or without a running server.
 *
 * @param print - Gets a line for each file, and the sum.
 * @returns Whether all of it is as it was written.
 */
export async function runVerifyCommand(print: (line: string) => void): Promise<boolean> {
  const { storeUrl } = readConfig(process.env);
  let [files, bytes, damaged] = [0, 0, 0];
  for await (const file of verifyStore(storeUrl)) {
    files++;
    bytes += file.bytes;
    damaged += file.damage.length;
    print(`${file.damage.length === 0 ? 'ok     ' : 'DAMAGED'}  ${file.path}  ${file.bytes} bytes`);
    for (const { path, offset, reason } of file.damage)
      print(`         ${path} at byte ${offset}: ${reason}`);
  }
  print(`${files} files, ${bytes} bytes, ${damaged === 0 ? 'no damage' : `${damaged} places are damaged`}`);
  return damaged === 0;
}
