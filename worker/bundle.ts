/** The workflow bundle: built once by `npm run build`, so that a worker starts in a fraction of a second. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { FlexetlError } from '../pipeline/errors';

/** The package's root, from the sources as well as from dist/. */
export const PACKAGE_DIR = __dirname.includes(`${sep}dist${sep}`)
  ? join(__dirname, '..', '..')
  : join(__dirname, '..');
const BUNDLE_FILE = join(PACKAGE_DIR, 'dist', 'workflow-bundle.js');

/** @throws FlexetlError INTERNAL when the project has not been built */
export function bundlePath(): string {
  if (existsSync(BUNDLE_FILE)) return BUNDLE_FILE;
  throw new FlexetlError('INTERNAL', {
    message: `The workflow bundle ${BUNDLE_FILE} is missing.`,
    hint: 'Run `npm run build`.',
  });
}

/** Bundles dist/workflows; run as a script by `npm run build`. */
export async function buildBundle(): Promise<void> {
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const quiet = (): void => undefined;
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(PACKAGE_DIR, 'dist', 'workflows', 'index.js'),
    // Lines are enough for a stack; columns and sources make each start of a worker 30 ms longer.
    webpackConfigHook: (config) => ({ ...config, devtool: 'inline-nosources-cheap-source-map' }),
    logger: { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
  await mkdir(dirname(BUNDLE_FILE), { recursive: true });
  await writeFile(BUNDLE_FILE, code);
}

if (require.main === module) void buildBundle();
