/** Bundles dist/workflows for `worker/bundle.ts`; run as a script by `npm run build`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BUNDLE_FILE, PACKAGE_DIR } from '../worker/bundle';

async function buildBundle(): Promise<void> {
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const quiet = (): void => undefined;
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(PACKAGE_DIR, 'dist', 'workflows', 'index.js'),
    payloadConverterPath: join(PACKAGE_DIR, 'dist', 'workflows', 'payload-converter.js'),
    // Line numbers are enough for stack traces; columns and sources make each start of a worker 30 ms longer.
    webpackConfigHook: (config) => ({ ...config, devtool: 'inline-nosources-cheap-source-map' }),
    logger: { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
  await mkdir(dirname(BUNDLE_FILE), { recursive: true });
  await writeFile(BUNDLE_FILE, code);
}

if (require.main === module) void buildBundle();
