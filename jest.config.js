/** One dev server and one workflow bundle for the whole run: see tests/support/global-setup.ts. */
module.exports = {
  rootDir: __dirname,
  // Not bench/: its data and virtual environment are large.
  roots: [
    'tests',
    'workflows',
    'activities',
    'pipeline',
    'runtime',
    'sources',
    'targets',
    'worker',
    'client',
  ].map((dir) => `<rootDir>/${dir}`),
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
  testTimeout: 60_000,
  maxWorkers: 2,
  collectCoverageFrom: ['{workflows,activities,pipeline,runtime,sources,targets,worker,client}/**/*.ts'],
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'json-summary', 'lcov'],
  coverageThreshold: { global: { lines: 80, branches: 80 } },
};
