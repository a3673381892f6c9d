/**
 * Packs what a command loads into dist/program: a thousand small files take a third of a second to find, read and
 * compile. Run by `npm run build`; the decision is docs/decisions/0011-packed-program.md.
 */
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { globSync } from 'tinyglobby';
import { PACKAGE_DIR } from '../worker/bundle';
import { SDK_MODULES } from '../worker/sdk-internals';
import { renderLicenses } from './licenses';

const DIST = join(PACKAGE_DIR, 'dist');
const PROGRAM_DIR = join(DIST, 'program');
const sdk = createRequire(require.resolve('@temporalio/worker'));

/** Native parts stay in node_modules. */
export const NATIVE = ['@duckdb/node-bindings', 'better-sqlite3', 'better-sqlite3-13', '*.node'];

/** @throws Error for a file that the packed program would not find */
async function pack(): Promise<void> {
  rmSync(PROGRAM_DIR, { recursive: true, force: true });
  // From the source files: dist may have files whose source was removed.
  const threads = globSync('{sources,targets,runtime,engine}/**/*-thread.ts', { cwd: PACKAGE_DIR });
  const ours = ['client/cli.ts', ...threads].map((path) => join(DIST, path.replace(/ts$/, 'js')));
  const files = [...ours, sdk.resolve(SDK_MODULES.workflowThreadEntry)];
  const { warnings, metafile } = await build({
    // Threads are started by path, from the folder of the file that starts them: now the program.
    entryPoints: files.map((file) => ({ in: file, out: basename(file, '.js') })),
    outdir: PROGRAM_DIR,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // Saves 50 ms; names are kept, so that stack traces can be read.
    minifyWhitespace: true,
    lineLimit: 200,
    legalComments: 'external',
    external: NATIVE,
    metafile: true,
    plugins: [packSdk],
  });
  if (warnings.length > 0) throw new Error('The packed program would not work: see the warnings.');
  // Reads source maps of workflows; the program looks for it in its own folder.
  copyFileSync(sdk.resolve('source-map/lib/mappings.wasm'), join(PROGRAM_DIR, 'mappings.wasm'));
  writeFileSync(join(PROGRAM_DIR, 'LICENSES.txt'), renderLicenses(Object.keys(metafile.inputs)));
}

const packSdk: Plugin = {
  name: 'pack-sdk',
  setup({ onResolve, onLoad }) {
    const inSdk = (path: string, name: string): boolean => path.includes(join('@temporalio', name));
    onResolve({ filter: SDK_MODULES.unused }, ({ path, importer }) =>
      inSdk(importer, 'worker') ? { path, namespace: 'unused' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: SDK_MODULES.unusedContents }));
    onResolve({ filter: SDK_MODULES.native }, ({ importer }) =>
      inSdk(importer, 'core-bridge') ? { path: SDK_MODULES.nativeEntry, external: true } : undefined,
    );
    onResolve({ filter: SDK_MODULES.workflowThread }, ({ path }) => ({ path, external: true }));
  },
};

if (require.main === module) void pack();
