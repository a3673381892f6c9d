/** The licenses of the packages whose code a bundle holds: they ask for their text to go with it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Manifest {
  name: string;
  version: string;
  license?: string;
}

/** @param files of the bundle, as esbuild lists them; those outside node_modules are our own */
export function renderLicenses(files: Iterable<string>): string {
  const folders = [...files].flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  const texts = [...new Set(folders)].map((folder) => {
    const { name, version, license = 'UNKNOWN' } = readManifest(folder);
    return `${name} ${version} (${license})\n\n${licenseText(folder)}`;
  });
  return texts.sort().join(`\n${'─'.repeat(80)}\n\n`);
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Empty for a package that only names its license. */
function licenseText(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  return file === undefined ? '' : `${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}
