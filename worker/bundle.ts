/** The workflow bundle: built once by `npm run build`, so that a worker starts in a fraction of a second. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { FlexetlError } from '../pipeline/errors';

/** The package's root, from the sources as well as from dist/. */
export const PACKAGE_DIR = __dirname.includes(`${sep}dist${sep}`)
  ? join(__dirname, '..', '..')
  : join(__dirname, '..');
export const BUNDLE_FILE = join(PACKAGE_DIR, 'dist', 'workflow-bundle.js');

/**
 * What Temporal keeps of the worker that worked on a run: two builds with the same workflows have the same id.
 * @returns as in `flexetl@0.2.0+5f3c0a9e1b2d4c6f`
 */
export function buildId(): string {
  const manifest = JSON.parse(readFileSync(join(PACKAGE_DIR, 'package.json'), 'utf8')) as { version: string };
  const digest = createHash('sha256').update(readFileSync(bundlePath())).digest('hex').slice(0, 16);
  return `flexetl@${manifest.version}+${digest}`;
}

/** @throws FlexetlError INTERNAL when the project has not been built */
export function bundlePath(): string {
  if (existsSync(BUNDLE_FILE)) return BUNDLE_FILE;
  throw new FlexetlError('INTERNAL', {
    message: `The workflow bundle ${BUNDLE_FILE} is missing.`,
    hint: 'Run `npm run build`.',
  });
}
