const { include } = require('./tsconfig.build.json');

/** Not bench/: its data and virtual environment are large. */
const PRODUCT_DIRS = include.filter((dir) => dir !== 'bench');

/** One dev server and one workflow bundle for the whole run: see tests/support/global-setup.ts. */
module.exports = {
  rootDir: __dirname,
  roots: ['tests', ...PRODUCT_DIRS].map((dir) => `<rootDir>/${dir}`),
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Dynamic imports name the compiled file.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  globalSetup: '<rootDir>/tests/support/global-setup.ts',
  globalTeardown: '<rootDir>/tests/support/global-teardown.ts',
  setupFilesAfterEnv: ['<rootDir>/tests/support/after-file.ts'],
  testTimeout: 120_000,
  // One more than there are processors in CI: many tests wait, for servers, heartbeats and dead workers.
  maxWorkers: 3,
  collectCoverageFrom: [`{${PRODUCT_DIRS.join(',')}}/**/*.ts`],
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'json-summary', 'lcov'],
  coverageThreshold: { global: { lines: 80, branches: 80 } },
};
