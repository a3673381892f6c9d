/**
 * The software bill of materials of the image, CycloneDX 1.5: of what is installed in it, and nothing else.
 *
 *     node sbom.js > sbom.cdx.json        in the folder of package.json, package-lock.json and node_modules
 *
 * `npm sbom` lists what belongs to a tree, also what the image leaves out of it: other systems, the compiler.
 */
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path/posix');

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

const product = readJson('package.json');
const installed = Object.entries(readJson('package-lock.json').packages).filter(
  ([path]) => path !== '' && existsSync(join(path, 'package.json')),
);
const paths = new Set(installed.map(([path]) => path));
const components = new Map(installed.map(([path, locked]) => [path, describePackage(path, locked)]));

const sbom = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: { component: describe('application', product.name, product.version, product.license) },
  components: [
    ...unique(components.values()),
    describe('platform', 'node', process.versions.node, 'MIT', 'generic'),
  ],
  dependencies: [
    { ref: refOf(product.name, product.version), dependsOn: resolveAll('', product) },
    ...unique(
      installed.map(([path, locked]) => ({
        ref: components.get(path)['bom-ref'],
        dependsOn: resolveAll(path, locked),
      })),
      'ref',
    ),
  ],
};
process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`);

function describePackage(path, { name, version, license, integrity }) {
  // A package under another name says its own.
  const component = describe('library', name ?? path.split('node_modules/').at(-1), version, license);
  const [algorithm, hash] = integrity.split('-');
  const content = Buffer.from(hash, 'base64').toString('hex');
  return { ...component, hashes: [{ alg: algorithm.replace('sha', 'SHA-'), content }] };
}

function describe(type, name, version, license, registry = 'npm') {
  const purl = `pkg:${registry}/${name.replace(/^@/, '%40')}@${version}`;
  const licenses = license ? { licenses: [{ expression: license }] } : {};
  return { type, 'bom-ref': refOf(name, version), name, version, purl, ...licenses };
}

function refOf(name, version) {
  return `${name}@${version}`;
}

/** Refs of the dependencies that are there, each found as Node finds it: in the nearest node_modules above. */
function resolveAll(path, { dependencies = {}, optionalDependencies = {}, peerDependencies = {} }) {
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  return [...new Set(names.map((name) => resolve(path, name)).filter(Boolean))];
}

function resolve(path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0))) {
    const found = join(folder, 'node_modules', name);
    if (paths.has(found)) return components.get(found)['bom-ref'];
    if (folder === '') return undefined;
  }
}

/** The same package in two places is one component. */
function unique(all, key = 'bom-ref') {
  return new Map([...all].map((one) => [one[key], one])).values();
}
