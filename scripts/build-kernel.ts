import { createMemoryStream, main } from 'assemblyscript/asc';
import path from 'node:path';

/** Compiles the code that turns rows into text (`server/reports/kernel`) to `rows.wasm` in `outDir`. */
export async function buildKernel(outDir: string): Promise<void> {
  const messages = createMemoryStream();
  const options = [
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
  ];
  const { error } = await main(options, { stderr: messages });
  if (error) throw new Error(`the kernel can not be compiled:\n${messages.toString()}`, { cause: error });
}
