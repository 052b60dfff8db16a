import { stat } from 'node:fs/promises';
import { systemCode } from '../../errors.ts';
import type { Damage } from '../event-store.ts';
import { dataDir, type DataDir } from './data-dir.ts';
import { verifyIdFile } from './ids/verify-id-file.ts';
import { FilesInForce } from './files-in-force.ts';
import { readManifest } from './read-manifest.ts';
import { scanSegment } from './scan-segment.ts';
import { verifySealed } from './sealed/verify-sealed.ts';

/** What was found in one file of a store. */
export interface VerifiedFile {
  readonly path: string;
  readonly bytes: number;
  readonly damage: readonly Damage[];
}

interface Check {
  readonly path: string;
  /** Bytes that it must have; undefined for one that grows. */
  readonly bytes: number | undefined;
  readonly isInForce: (files: FilesInForce) => boolean;
  readonly run: () => Promise<readonly Damage[]>;
}

/**
 * Reads every file in force and checks every checksum, changing nothing; also beside a running server.
 *
 * Yields the manifest, then the others as they are done.
 */
export async function* verifyStore(root: string): AsyncGenerator<VerifiedFile, void, undefined> {
  const dir = dataDir(root);
  let manifest: ReadManifest;
  try {
    manifest = await readFiles(dir);
  } catch (error) {
    yield { path: dir.manifest, bytes: 0, damage: [damageOf(dir.manifest, error)] };
    return;
  }
  yield { path: dir.manifest, bytes: manifest.bytes, damage: manifest.damage };
  for (const check of checksOf(dir, manifest.files)) {
    const found = await perform(check);
    // What was sealed or merged meanwhile may be gone, and does not count any more.
    if (found.damage.length === 0 || check.isInForce((await readFiles(dir)).files)) yield found;
  }
}

interface ReadManifest {
  readonly files: FilesInForce;
  readonly bytes: number;
  readonly damage: readonly Damage[];
}

async function readFiles(dir: DataDir): Promise<ReadManifest> {
  const { records, bytes, damage } = await readManifest(dir);
  if (records.length === 0) throw new Error('the file is missing or empty');
  const files = new FilesInForce();
  for (const record of records) files.apply(record);
  return { files, bytes: bytes.length, damage };
}

function checksOf(dir: DataDir, { sealed, ids, segments }: FilesInForce): readonly Check[] {
  return [
    ...[...sealed.values()].map(({ number, bytes }) => ({
      path: dir.sealedPair(number).data,
      bytes,
      isInForce: (files: FilesInForce) => files.sealed.has(number),
      run: () => verifySealed(dir.sealedPair(number)),
    })),
    ...[...ids.values()].map(({ number, bytes }) => ({
      path: dir.idPair(number).data,
      bytes,
      isInForce: (files: FilesInForce) => files.ids.has(number),
      run: async () => {
        const path = dir.idPair(number).data;
        return (await verifyIdFile(dir.idPair(number))).map((problem) => ({ path, ...problem }));
      },
    })),
    ...[...segments.values()].map(({ number, length }) => ({
      path: dir.segment(number),
      bytes: undefined,
      isInForce: (files: FilesInForce) => files.segments.has(number),
      run: async () => (await scanSegment(dir.segment(number), length)).damage,
    })),
  ];
}

async function perform({ path, bytes, run }: Check): Promise<VerifiedFile> {
  try {
    const { size } = await stat(path);
    const wrong = bytes !== undefined && bytes !== size;
    const reason = `it has ${size} bytes, and the manifest says ${bytes}`;
    const damage = wrong ? [{ path, offset: Math.min(size, bytes), reason }] : [];
    return { path, bytes: size, damage: [...damage, ...(await run())] };
  } catch (error) {
    return { path, bytes: 0, damage: [damageOf(path, error)] };
  }
}

function damageOf(path: string, error: unknown): Damage {
  const reason = error instanceof Error ? error.message : 'it can not be read';
  return { path, offset: 0, reason: systemCode(error) === 'ENOENT' ? 'the file is missing' : reason };
}
