import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { RowEncoding } from '../../../server/reports/rows/row-encoding.ts';
import { loadKernel } from '../../../server/reports/rows/row-kernel.ts';
import { DEFAULT_OUTPUT } from '../../../shared/report.ts';
import { FILTER } from '../../support/events.ts';
import { KERNEL_PATH } from '../../support/row-kernel.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const COLUMNS = { columns: ['a', 'b'], keys: { T: ['b'] } };
const BATCH = '7a0e6b0e-4f0b-4d5e-9d39-0a8a5a1f2b3c';
const ROWS = Buffer.from(
  [
    [1, 'T', ['x|"'], BATCH, 0, 1, 1, null],
    [2, 'T', [null, 'y', 'z'], BATCH, 1, 1, 1, -1, 'v'],
  ]
    .map((row) => `${JSON.stringify(row)}\n`)
    .join(''),
);

function encode(kernel: WebAssembly.Module | undefined, format: 'csv' | 'ndjson'): unknown {
  const made: Buffer[] = [];
  const form = { filter: FILTER, output: { ...DEFAULT_OUTPUT, format }, columns: COLUMNS };
  const encoding = new RowEncoding(kernel, form, 2, (bytes, release) => {
    made.push(Buffer.from(bytes));
    release();
  });
  encoding.begin(encoding.extraOf(ROWS, 0, ROWS.length));
  encoding.encode(ROWS, 0, ROWS.length);
  encoding.flush();
  const { rows, neededExtra } = encoding;
  return { text: Buffer.concat(made).toString(), rows, neededExtra };
}

describe('a processor that can not run the kernel', () => {
  it('is told before any row is read', async () => {
    const file = path.join(await tempFolder(), 'rows.wasm');
    // An instruction that no processor has.
    await writeFile(file, Buffer.from('0061736d01000000010401600000030201000a05010300270b', 'hex'));

    expect(loadKernel(file)).toBeUndefined();
    expect(loadKernel(KERNEL_PATH)).toBeDefined();
  });

  it.each(['csv', 'ndjson'] as const)('has the same rows, as %s', (format) => {
    const without = encode(undefined, format);

    expect(without).toEqual(encode(loadKernel(KERNEL_PATH), format));
    expect(without).toMatchObject({ rows: 2, neededExtra: format === 'csv' ? 3 : 0 });
  });
});
