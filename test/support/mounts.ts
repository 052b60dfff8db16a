import { mkdir, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { run } from './fault-tools.ts';

/** Followed by the id of the process that made the folder. */
const PREFIX = 'waybill-mount-';
const STOP_MS = 10_000;
const IMAGE_BYTES = 512 * 1024 * 1024;

/** EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: no byte more reaches the device, the journal's included. */
const SHUT_DOWN = `open(my $folder, "<", $ARGV[0]) or die "$!\\n";
my $flags = pack("L", 2);
ioctl($folder, 0x8004587d, $flags) or die "EXT4_IOC_SHUTDOWN: $!\\n";`;

export interface ImageDisk {
  /** Where it is mounted. */
  readonly folder: string;
  /**
   * Loses whatever was not flushed, after stopping a process that writes to it, by SIGSTOP: nobody answers
   * when the power is gone, and the flush that is under way here may still tell Linux' lie that it worked.
   */
  cutPower(writer: number): Promise<void>;
  /** Mounts it again after a cut, once nobody has a file of it open. */
  restart(): Promise<void>;
}

/** A journaling file system of its own, in a file, whose power can be cut. It goes when the test ends. */
export async function mountImage(): Promise<ImageDisk> {
  const { base, folder } = await mountFolder();
  const image = path.join(base, 'disk.img');
  const file = await open(image, 'wx');
  await file.truncate(IMAGE_BYTES);
  await file.close();
  await run('mkfs.ext4', ['-q', '-F', image]);
  // The journal is not to be committed, every 5 seconds by default, for those who forget to flush.
  const mount = (): Promise<string> => run('mount', ['-o', 'loop,noatime,commit=300', image, folder]);
  await mount();
  return {
    folder,
    cutPower: async (writer) => {
      await stop(writer);
      await run('perl', ['-e', SHUT_DOWN, folder]);
    },
    restart: async () => {
      await unmount(folder);
      await mount();
    },
  };
}

/**
 * A small file system in memory, which fills up. It goes when the test ends.
 *
 * @param options - As for `mount -o`, such as `size=4m`.
 */
export async function mountMemory(options: string): Promise<string> {
  const { folder } = await mountFolder();
  await run('mount', ['-t', 'tmpfs', '-o', options, 'waybill-test', folder]);
  return folder;
}

/** A process of a killed server's, which seals or merges, ends a little after it. */
async function unmount(folder: string): Promise<void> {
  const deadline = Date.now() + STOP_MS;
  for (;;) {
    try {
      await run('umount', [folder]);
      return;
    } catch (error) {
      if (!String(error).includes('busy') || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Stops a process; resolves when its main thread, the only one that answers anybody, does nothing more. */
async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const deadline = Date.now() + STOP_MS;
  while (!/\) T /.test(await readFile(`/proc/${pid}/stat`, 'utf8'))) {
    if (Date.now() > deadline) throw new Error(`process ${pid} does not stop`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A new folder to mount on, and one around it. */
async function mountFolder(): Promise<{ readonly base: string; readonly folder: string }> {
  await removeLeftovers();
  const base = await mkdtemp(path.join(tmpdir(), `${PREFIX}${process.pid}-`));
  onTestFinished(() => remove(base));
  const folder = path.join(base, 'disk');
  await mkdir(folder);
  return { base, folder };
}

/** Removes what runs that were killed have left mounted. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    // Another test may be removing it at this moment; what stays is in nobody's way.
    await remove(path.join(tmpdir(), name)).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function remove(base: string): Promise<void> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const points = mounts.split('\n').map((line) => line.split(' ')[1] ?? '');
  for (const point of points.filter((mounted) => mounted.startsWith(`${base}${path.sep}`))) {
    // At once even if a server that was left running still has files open; its loop device goes with the last of them.
    await run('umount', ['--lazy', point]);
  }
  await rm(base, { recursive: true, force: true, maxRetries: 3 });
}
