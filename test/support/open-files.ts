import { readdir, readlink } from 'node:fs/promises';

/** The files of a folder that this process has open; Linux. */
export async function openFiles(folder: string): Promise<readonly string[]> {
  return openFilesOf('self', folder);
}

/** The same of another process: what it has open below a path. */
export async function openFilesOf(pid: number | 'self', folder: string): Promise<readonly string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const paths = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(folder));
}
