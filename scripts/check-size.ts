import { measureClientSizes } from './client-sizes.ts';

/** Fails when a visitor would load more than the budget. */
const sizes = await measureClientSizes();
process.stdout.write(
  '      bytes  budget    goal  brotli  (gzip -9, budget and goal too; brotli for information)\n',
);
for (const { what, files, bytes, budgetBytes, goalBytes, brotliBytes } of sizes) {
  const numbers = [bytes, budgetBytes, goalBytes, brotliBytes]
    .map((number) => String(number).padStart(7))
    .join(' ');
  process.stdout.write(
    `${bytes <= budgetBytes ? 'ok  ' : 'OVER'}${numbers}  ${what} (${files.join(' + ')})\n`,
  );
}
if (sizes.some(({ bytes, budgetBytes }) => bytes > budgetBytes)) process.exitCode = 1;
