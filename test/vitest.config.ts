import { defineConfig } from 'vitest/config';

const node = (name: string, include: string[], testTimeout: number) => ({
  test: { name, include, environment: 'node', testTimeout, hookTimeout: 60_000 },
});

/** Suites by what they need; every file that needs them starts servers and browsers of its own. */
export default defineConfig({
  test: {
    // Most tests wait for a timer or a process, so that two files keep two cores no busier than one.
    maxWorkers: 2,
    globalSetup: 'test/support/row-kernel.ts',
    projects: [
      node(
        'unit',
        ['test/unit/{server,shared,scripts,torture}/**/*.test.ts', 'test/contract/**/*.test.ts'],
        10_000,
      ),
      {
        test: {
          name: 'client',
          include: ['test/unit/client/**/*.test.ts'],
          environment: 'happy-dom',
          testTimeout: 10_000,
        },
      },
      node('integration', ['test/integration/**/*.test.ts'], 30_000),
      node('crash', ['test/crash/**/*.test.ts'], 180_000),
      node('e2e', ['test/e2e/**/*.test.ts'], 120_000),
    ],
  },
});
