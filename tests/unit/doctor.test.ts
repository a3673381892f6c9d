/** `flexetl doctor`: what it finds, what it says is to be done, and that it changes nothing. */
import { chmodSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { checkNode, clockFinding, diskFinding } from '../../client/doctor-checks';
import type { Check } from '../../client/doctor';
import { choosePorts } from '../../server/ports';
import { closeProjects, openProject, type Project } from '../support/project';

let project: Project;
beforeEach(() => {
  project = openProject();
  project.env['FLEXETL_PROJECT'] = undefined;
  project.write('flexetl.yaml', 'project: shop\n');
  project.configure();
});
afterEach(closeProjects);

async function doctor(): Promise<{ exit: number | null; ok: boolean; checks: Record<string, Check> }> {
  const { exit, stdout, stderr } = await project.flexetl('doctor', '--json');
  expect(stderr).toBe('');
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
  return { exit, ok, checks: Object.fromEntries(checks.map((one) => [one.name, one])) };
}

describe('flexetl doctor', () => {
  it('says that all is well, of everything that a run needs, and leaves nothing behind', async () => {
    const before = readdirSync(project.dir, { recursive: true });
    const { exit, ok, checks } = await doctor();
    expect([exit, ok]).toEqual([0, true]);
    expect(checks).toMatchObject({
      node: { status: 'ok', found: `${process.versions.node}, needs 20.19.0 or later` },
      duckdb: { status: 'ok', found: expect.stringMatching(/^v\d/) as string },
      sqlite: { status: 'ok', found: expect.stringMatching(/^3\.\d+/) as string },
      'temporal sdk': { status: 'ok' },
      server: { status: 'ok', found: expect.stringContaining('(TEMPORAL_ADDRESS) answers') as string },
      'server binary': { status: 'ok' },
      ports: { status: 'ok' },
      project: { status: 'ok', found: `shop in ${project.dir}, 1 pipeline in configs/` },
      permissions: { status: 'ok' },
      disk: { found: expect.stringMatching(/^[\d.]+ GiB free in /) as string },
      clock: { status: 'ok' },
    });
    expect(readdirSync(project.dir, { recursive: true })).toEqual(before);
    const { stdout } = await project.flexetl('doctor');
    expect(stdout).toMatch(/^✔ project {8}shop in /m);
    expect(stdout).toMatch(/\n\nReady to run\.\n$/);
  });

  it('says what is wrong, and what to do, with exit code 1', async () => {
    project.env['TEMPORAL_ADDRESS'] = '127.0.0.1:1';
    project.write('flexetl.yaml', 'project: "a b"\n');
    const { exit, ok, checks } = await doctor();
    expect([exit, ok]).toEqual([1, false]);
    expect(checks['server']).toEqual({
      name: 'server',
      status: 'problem',
      found: '127.0.0.1:1, namespace default (TEMPORAL_ADDRESS): connection refused',
      todo: expect.stringContaining('correct TEMPORAL_ADDRESS') as string,
    });
    expect(checks['project']).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('flexetl.yaml:1:10 project: found "a b"') as string,
    });
    const { stdout } = await project.flexetl('doctor');
    expect(stdout).toMatch(/^✘ server {9}127\.0\.0\.1:1.*\n {17}Start it, correct /m);
    expect(stdout).toMatch(/\n\n2 problems: runs will fail\.\n$/);
  });

  it('names a binary that cannot be run, and folders that cannot be written', async () => {
    project.env['TEMPORAL_ADDRESS'] = undefined;
    project.env['FLEXETL_LOCAL_PORT'] = undefined;
    project.env['TEMPORAL_CLI_PATH'] = project.write('temporal', '#!/bin/sh\nexit 1\n');
    project.write('output', 'a file');
    project.write('logs/x', '');
    const missing = await doctor();
    const { port, uiPort } = await choosePorts(join(realpathSync(project.dir), '.flexetl'));
    // Where another program has the usual pair, any other may be taken.
    const pair = uiPort - port === 1000 ? `^${port} for the server and ${uiPort} for` : 'are free$';
    expect(missing.checks['ports']?.found).toMatch(new RegExp(pair));
    expect(missing.checks['server binary']).toMatchObject({
      status: 'problem',
      found: `TEMPORAL_CLI_PATH names ${project.path('temporal')}, which is not an executable file.`,
    });
    expect(missing.checks['permissions']).toMatchObject({
      status: 'problem',
      found: `${project.path('output')}: ${project.path('output')} is a file, not a folder`,
    });
    chmodSync(project.path('temporal'), 0o755);
    expect((await doctor()).checks['server binary']).toMatchObject({
      status: 'problem',
      found: expect.stringContaining(`${project.path('temporal')} does not run: `) as string,
    });
  });

  it('warns of a folder that is no project, and of one without a name, and makes up none', async () => {
    const empty = openProject();
    empty.env['FLEXETL_PROJECT'] = undefined;
    const said = await empty.flexetl('doctor');
    expect([said.exit, said.stdout]).toEqual([0, expect.stringContaining(`${empty.dir} is no project`)]);
    empty.configure();
    expect((await empty.flexetl('doctor')).stdout).toContain('Write project: <name> into flexetl.yaml');
    expect(readdirSync(empty.dir)).toEqual(['configs']);
  });
});

describe('a finding', () => {
  it.each([
    ['20.19.0', 'ok'],
    ['20.20.2', 'ok'],
    ['24.1.0', 'ok'],
    ['20.9.0', 'problem'],
    ['18.20.0', 'problem'],
  ])('of Node %s is %s', (version, status) => {
    expect(checkNode(version, '>=20.19.0').status).toBe(status);
  });

  it.each([
    [10 * 1024 ** 3, 'ok'],
    [1024 ** 3, 'warning'],
    [1024 ** 2, 'problem'],
  ])('of %d free bytes is %s', (bytes, status) => {
    expect(diskFinding({ folder: '/x', bytes }).status).toBe(status);
  });

  it.each([
    [0, undefined],
    [-4_000, undefined],
    [61_000, '61 s ahead of the disk with staging'],
    [-3_600_000, '3600 s behind the disk with staging'],
  ])('of a clock that is ahead by %d ms', (aheadMs, words) => {
    const { status, found } = clockFinding(new Date('2026-03-01T00:00:00Z'), aheadMs);
    expect(status).toBe(words === undefined ? 'ok' : 'warning');
    expect(found).toBe(`2026-03-01T00:00:00.000Z${words === undefined ? '' : `, ${words}`}`);
  });
});
