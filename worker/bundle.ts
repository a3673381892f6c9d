/** The workflow bundle: built once by `npm run build`, so that a worker starts in a fraction of a second. */
import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import { FlexetlError } from '../pipeline/errors';

/** The package's root, from the sources as well as from dist/. */
export const PACKAGE_DIR = __dirname.includes(`${sep}dist${sep}`)
  ? join(__dirname, '..', '..')
  : join(__dirname, '..');
export const BUNDLE_FILE = join(PACKAGE_DIR, 'dist', 'workflow-bundle.js');

/** @throws FlexetlError INTERNAL when the project has not been built */
export function bundlePath(): string {
  if (existsSync(BUNDLE_FILE)) return BUNDLE_FILE;
  throw new FlexetlError('INTERNAL', {
    message: `The workflow bundle ${BUNDLE_FILE} is missing.`,
    hint: 'Run `npm run build`.',
  });
}
