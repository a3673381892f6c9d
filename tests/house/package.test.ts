import { listFiles, readJson, readText } from './repository';

interface Manifest {
  version: string;
  engines: { node: string };
  scripts: Record<string, string>;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
}

interface Lockfile {
  packages: Record<string, { version?: string; hasInstallScript?: boolean }>;
}

const manifest = readJson<Manifest>('package.json');
const lockfile = readJson<Lockfile>('package-lock.json');
const versions = { ...manifest.dependencies, ...manifest.devDependencies };

describe('package.json', () => {
  it('names exact versions, those of the lockfile', () => {
    const loose = Object.entries(versions).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );
    expect(loose).toEqual([]);
    const locked = Object.keys(versions).map((name) => [
      name,
      lockfile.packages[`node_modules/${name}`]?.version,
    ]);
    expect(Object.fromEntries(locked)).toEqual(versions);
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
    expect(Object.keys(manifest.allowScripts).sort()).toEqual(asked.sort());
    const allowed = Object.keys(manifest.allowScripts).filter((name) => manifest.allowScripts[name]);
    expect(allowed).toEqual(['better-sqlite3']);
    for (const name of Object.keys(manifest.allowScripts))
      expect(readText('CONTRIBUTING.md')).toContain(name);
  });

  it('has dependencies that something imports', () => {
    const code = listFiles(['{workflows,activities,pipeline,runtime,sources,targets,worker,client}/**/*.ts'])
      .map(readText)
      .join('\n');
    const unused = Object.keys(manifest.dependencies).filter(
      (name) => !code.includes(`'${name}'`) && !code.includes(`'${name}/`),
    );
    expect(unused).toEqual([]);
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
