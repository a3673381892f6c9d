import { productFiles, readJson, readText } from './repository';

interface Manifest {
  version: string;
  engines: { node: string };
  scripts: Record<string, string>;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
}

interface Lockfile {
  packages: Record<
    string,
    { version?: string; resolved?: string; integrity?: string; hasInstallScript?: boolean }
  >;
}

const manifest = readJson<Manifest>('package.json');
const lockfile = readJson<Lockfile>('package-lock.json');
const SQLITE_13 = 'better-sqlite3@13.2.0';
const runtime = { ...manifest.dependencies, ...manifest.optionalDependencies };
const versions = { ...runtime, ...manifest.devDependencies };

describe('package.json', () => {
  it('names exact versions, those of the lockfile', () => {
    // One package may be there in two versions, one of them under another name: npm:better-sqlite3@13.2.0
    const numbers = Object.entries(versions).map(([name, version]) => [
      name,
      version.replace(/^npm:.+@/, ''),
    ]);
    expect(numbers.filter(([, version = '']) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
    const locked = Object.keys(versions).map((name) => [
      name,
      lockfile.packages[`node_modules/${name}`]?.version,
    ]);
    expect(locked).toEqual(numbers);
  });

  it('has a lockfile with a hash for every package', () => {
    const without = Object.entries(lockfile.packages).filter(
      ([path, { integrity }]) => path !== '' && !integrity,
    );
    // docs/releasing.md has the command that adds them.
    expect(without.map(([path]) => path)).toEqual([]);
  });

  it('has one version of all of Temporal', () => {
    const temporal = Object.entries(lockfile.packages).filter(([path]) =>
      /node_modules\/@temporalio\/[\w-]+$/.test(path),
    );
    expect(temporal.length).toBeGreaterThan(5);
    expect(new Set(temporal.map(([, { version }]) => version)).size).toBe(1);
  });

  it('decides about every install script, and allows what must be compiled', () => {
    const withScript = Object.entries(lockfile.packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.split('node_modules/').at(-1) ?? '');
    // npm does not ask about packages for other systems.
    const asked = [...new Set(withScript)].filter((name) => name !== 'fsevents' && name !== '');
    // The newer SQLite has no script; npm would make one up. docs/decisions/0010-two-sqlite-bindings.md
    const { [SQLITE_13]: newer, ...decided } = manifest.allowScripts;
    expect(newer).toBe(false);
    expect(Object.keys(decided).sort()).toEqual(asked.sort());
    const allowed = Object.keys(decided).filter((name) => decided[name]);
    expect(allowed).toEqual(['better-sqlite3']);
    for (const name of Object.keys(decided)) expect(readText('CONTRIBUTING.md')).toContain(name);
  });

  it('tells the two versions of SQLite apart, which npm does by their address', () => {
    const resolved = ['better-sqlite3', 'better-sqlite3-13'].map(
      (name) => lockfile.packages[`node_modules/${name}`]?.resolved ?? '',
    );
    expect(resolved).toEqual([
      expect.stringMatching(/-12\.\d+\.\d+\.tgz$/),
      expect.stringMatching(/-13\.2\.0\.tgz$/),
    ]);
  });

  it('has dependencies that something imports', () => {
    const code = productFiles.map(readText).join('\n');
    const unused = Object.keys(runtime).filter(
      (name) => !code.includes(`'${name}'`) && !code.includes(`'${name}/`),
    );
    expect(unused).toEqual([]);
  });

  it('is what `npm create` installs, in the same version', () => {
    const create = readJson<Manifest>('create/package.json');
    expect([create.version, create.dependencies, create.engines]).toEqual([
      manifest.version,
      { flexetl: manifest.version },
      manifest.engines,
    ]);
  });

  it('needs no newer Node than .nvmrc names', () => {
    const [major = 0, minor = 0] = readText('.nvmrc').trim().split('.').map(Number);
    const [, neededMajor, neededMinor] = /^>=(\d+)\.(\d+)/.exec(manifest.engines.node) ?? [];
    expect(major).toBe(Number(neededMajor));
    expect(minor).toBeGreaterThanOrEqual(Number(neededMinor));
  });
});

describe('CHANGELOG.md', () => {
  const headings = readText('CHANGELOG.md').match(/^## .*$/gm) ?? [];

  it('begins with what is not released, then this version', () => {
    expect(headings[0]).toBe('## [Unreleased]');
    expect(headings[1]).toContain(`## [${manifest.version}] - `);
  });

  it('has versions with dates, the newest first', () => {
    const released = headings
      .slice(1)
      .map((heading) => /^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$/.exec(heading)?.[1]);
    const numbers = released.map((version) => (version ?? '').split('.').map(Number));
    expect(numbers).toEqual([...numbers].sort((a, b) => compareVersions(b, a)));
  });
});

function compareVersions(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((part, index) => part !== b[index]);
  return differs < 0 ? 0 : (a[differs] ?? 0) - (b[differs] ?? 0);
}
