import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const COMPILER = 'node_modules/assemblyscript/bin/asc.js';

/**
 * Compiles the code that turns rows into text (`server/reports/kernel`) to `rows.wasm` in `outDir`.
 *
 * In a process of its own, since one that has loaded the compiler takes seconds to end.
 *
 * @throws Error with what the compiler says.
 */
export async function buildKernel(outDir: string): Promise<void> {
  await promisify(execFile)(process.execPath, [
    COMPILER,
    'server/reports/kernel/index.ts',
    '--outFile',
    path.join(outDir, 'rows.wasm'),
    '-O3',
    // Memory is laid out by the one who makes it, in `RowKernel`.
    '--runtime',
    'stub',
    '--noAssert',
    '--importMemory',
    '--zeroFilledMemory',
    '--enable',
    'simd',
    // Vectors never leave the module.
    '--disableWarning',
    '112',
  ]);
}
