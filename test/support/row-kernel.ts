import path from 'node:path';
import { buildKernel } from '../../scripts/build-kernel.ts';

const FOLDER = path.resolve('dist/test');

/** Compiled from the sources as they are, before the first test. */
export const KERNEL_PATH = path.join(FOLDER, 'rows.wasm');

export default async function setUp(): Promise<void> {
  await buildKernel(FOLDER);
}
