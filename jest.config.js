/** One dev server and one workflow bundle for the whole run: see tests/support/global-setup.ts. */
module.exports = {
  rootDir: __dirname,
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs', ignoreDynamic: true },
      },
    ],
  },
  testTimeout: 60000,
  maxWorkers: 2,
  collectCoverageFrom: ['{workflows,activities,pipeline,runtime,sources,targets,worker,client}/**/*.ts'],
  coverageProvider: 'v8',
};
