import type { Stats } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

/** What a flush does: works, fails and forgets the data as kernels do, or never comes back. */
export type FlushResult = 'works' | 'fails' | 'hangs';

interface Write {
  readonly offset: number;
  readonly bytes: Buffer;
}

interface Inode {
  /** What is on the disk for certain. */
  image: Buffer;
  /** Written, not flushed. */
  dirty: Write[];
}

/**
 * A model of what a power cut leaves: of each file the bytes that a successful flush covered, and some
 * of those written since; of each folder the names that it had at its last flush.
 *
 * A flush that fails leaves its bytes readable but clean, so that the next flush does not write them.
 * It watches real files through `watch`, which stands in for `open` of `node:fs/promises`.
 */
export class SimulatedDisk {
  /** Decides on each flush; by default all work. */
  onFlush: (file: string) => FlushResult = () => 'works';
  readonly #inodes = new Map<number, Inode>();
  /** By folder, the names in it that are durable. */
  readonly #names = new Map<string, ReadonlyMap<string, number>>();
  #open: FileHandle[] = [];

  /** Follows what is done to a file that was just opened. */
  async watch(file: string, handle: FileHandle): Promise<FileHandle> {
    this.#open.push(handle);
    const stats = await handle.stat();
    const write = handle.write.bind(handle);
    const inode = await this.#inode(file, stats);
    replace(handle, 'write', async (bytes: Buffer, start: number, length: number, offset: number) => {
      const result = await write(bytes, start, length, offset);
      inode.dirty.push({ offset, bytes: Buffer.from(bytes.subarray(start, start + result.bytesWritten)) });
      return result;
    });
    for (const method of ['sync', 'datasync'] as const) {
      const flush = handle[method].bind(handle);
      replace(handle, method, async () => {
        switch (this.onFlush(file)) {
          case 'hangs':
            return new Promise(() => undefined);
          case 'fails':
            inode.dirty = [];
            throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
          case 'works':
            await flush();
            await this.#flushed(file, inode, handle);
            return undefined;
        }
      });
    }
    return handle;
  }

  /** Takes what is in a folder, and in those below it, for durable. */
  async adopt(folder: string): Promise<void> {
    const names = new Map<string, number>();
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) await this.adopt(file);
      else {
        const stats = await stat(file);
        await this.#inode(file, stats);
        names.set(entry.name, stats.ino);
      }
    }
    this.#names.set(folder, names);
  }

  /** Closes all handles, as the end of the process would; nothing written since counts as flushed. */
  async kill(): Promise<void> {
    this.onFlush = () => 'works';
    for (const handle of this.#open) if (handle.fd >= 0) await handle.close();
    this.#open = [];
  }

  /**
   * Writes what a power cut leaves of a folder to another one.
   *
   * @param random - Decides which of the unflushed writes got through, and how much of each.
   */
  async cutPower(folder: string, to: string, random: () => number): Promise<void> {
    for (const [parent, names] of this.#names) {
      if (parent !== folder && !parent.startsWith(`${folder}${path.sep}`)) continue;
      const target = path.join(to, path.relative(folder, parent));
      await mkdir(target, { recursive: true });
      const present = new Set(await readdir(parent));
      for (const [name, ino] of names) {
        // That a name was removed may get through before anything else.
        if (!present.has(name) && random() < 0.5) continue;
        const inode = this.#inodes.get(ino);
        if (inode !== undefined) await writeFile(path.join(target, name), surviving(inode, random));
      }
    }
    this.#inodes.clear();
    this.#names.clear();
  }

  async #inode(file: string, stats: Stats): Promise<Inode> {
    const known = this.#inodes.get(stats.ino);
    if (known !== undefined) {
      // An empty file is a new one, perhaps under the number of one that is gone.
      if (stats.size === 0) Object.assign(known, { image: Buffer.alloc(0), dirty: [] });
      return known;
    }
    // One that was never seen has been there since before.
    const image = stats.isFile() && stats.size > 0 ? await readFile(file) : Buffer.alloc(0);
    const inode = { image, dirty: [] };
    this.#inodes.set(stats.ino, inode);
    return inode;
  }

  async #flushed(file: string, inode: Inode, handle: FileHandle): Promise<void> {
    const stats = await handle.stat();
    if (stats.isDirectory()) {
      const names = new Map<string, number>();
      for (const name of await readdir(file)) {
        const found = await stat(path.join(file, name));
        if (found.isFile()) names.set(name, found.ino);
      }
      this.#names.set(file, names);
      return;
    }
    let { image } = inode;
    for (const write of inode.dirty) image = withWrite(image, write);
    inode.image = resized(image, stats.size);
    inode.dirty = [];
  }
}

function surviving({ image, dirty }: Inode, random: () => number): Buffer {
  let result = image;
  for (const { offset, bytes } of dirty) {
    if (random() < 0.5) continue;
    const length = random() < 0.5 ? bytes.length : Math.floor(random() * bytes.length);
    result = withWrite(result, { offset, bytes: bytes.subarray(0, length) });
  }
  return result;
}

function withWrite(image: Buffer, { offset, bytes }: Write): Buffer {
  const result = resized(image, Math.max(image.length, offset + bytes.length));
  bytes.copy(result, offset);
  return result;
}

function resized(image: Buffer, size: number): Buffer {
  const result = Buffer.alloc(size);
  image.copy(result, 0, 0, size);
  return result;
}

function replace(handle: FileHandle, method: string, value: (...args: never[]) => Promise<unknown>): void {
  Object.defineProperty(handle, method, { value, configurable: true });
}
