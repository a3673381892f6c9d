/** Lets a child process run our TypeScript as it stands: `node --require run-ts.js file.ts`. */
const { transformFileSync } = require('@swc/core');

require.extensions['.ts'] = (module, path) => {
  const { code } = transformFileSync(path, {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs', ignoreDynamic: true },
    sourceMaps: 'inline',
  });
  module._compile(code, path);
};
