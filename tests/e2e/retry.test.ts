/** A run of two targets of which one is locked by another program, and `flexetl retry` when it is free again. */
import { rmSync } from 'node:fs';
import { openSqlite } from '../../targets/sqlite/binding';
import { closeProjects, openProject, readTable, reportOf, type Project } from '../support/project';
import { expectError } from '../support/refusal';

let project: Project;
beforeEach(() => {
  project = openProject();
  project.write('data/input.csv', 'id,name\n1,lamp\n2,desk\n');
  project.configure({
    targets: ['one', 'two'].map((name) => ({ type: 'sqlite', database: `${name}.db`, table: 't' })),
    fault_tolerance: { busy_timeout_seconds: 0, retry: { max_attempts: 1 } },
  });
});
afterEach(closeProjects);

const ROWS = [
  ['1', 'lamp'],
  ['2', 'desk'],
];

describe('flexetl retry', () => {
  it('loads what a locked target misses, without the source, and after that has nothing to do', async () => {
    const user = openSqlite(project.path('two.db'));
    user.exec('CREATE TABLE other (n INTEGER); BEGIN EXCLUSIVE');
    const partial = await project.flexetl('run', project.name, '--run-key', 'night');
    expect([partial.exit, readTable(project.path('one.db'), 't')]).toEqual([3, ROWS]);
    expect(partial.stdout).toContain(`✘ ${project.name} partial in `);
    expect(partial.stderr).toContain('error TARGET_BUSY: two.db is locked by another program.');
    expect(partial.stderr).toContain(
      `To load only two.db#t, from what is staged: flexetl retry ${project.name}\n`,
    );
    user.close();
    rmSync(project.path('data/input.csv'));

    const retried = await project.flexetl('retry', '--json', 'night');
    expect(retried.exit).toBe(0);
    expect(reportOf(retried)).toMatchObject({
      status: 'succeeded',
      run_key: 'night',
      targets: [{ already: { run_key: 'night', rows: 2 } }, { rows_loaded: 2, status: 'published' }],
    });
    expect(readTable(project.path('two.db'), 't')).toEqual(ROWS);

    const [again, asJson] = [
      await project.flexetl('retry', project.name),
      await project.flexetl('retry', project.name, '--json'),
    ];
    expect([again.exit, again.stdout]).toEqual([
      0,
      `Run night of ${project.name} has succeeded: there is nothing to retry.\n`,
    ]);
    expect([asJson.exit, reportOf(asJson)]).toMatchObject([0, { status: 'succeeded', run_key: 'night' }]);
  });

  it('refuses a pipeline file that has changed since, unless that is accepted', async () => {
    const targets = [{ type: 'sqlite', database: 'one.db', table: 't' }];
    project.configure({ targets, validation: { schema: { name: { type: 'integer' } } } });
    expect((await project.flexetl('run', project.name, '--run-key', 'noon')).exit).toBe(1);
    project.write('configs/defaults.yaml', 'monitoring: {logging: {level: INFO}}\n');
    expectError(await project.flexetl('retry', 'noon', '--json'), {
      exit: 3,
      code: 'RETRY_REFUSED',
      says: ['configs/defaults.yaml has changed since'],
    });
    project.configure({ targets });
    expectError(await project.flexetl('retry', 'noon', '--json'), {
      exit: 3,
      code: 'RETRY_REFUSED',
      says: [`configs/${project.name}.yaml has changed since`, '--run-key "noon" --accept-config-change'],
    });
    const retried = await project.flexetl('retry', 'noon', '--accept-config-change', '--json');
    expect(retried.exit).toBe(0);
    expect(reportOf(retried)).toMatchObject({ status: 'succeeded', run_key: 'noon' });
    expect(readTable(project.path('one.db'), 't')).toEqual(ROWS);
  });

  it('says what it cannot do', async () => {
    expectError(await project.flexetl('retry', 'nobody', '--json'), {
      exit: 2,
      code: 'RUN_NOT_FOUND',
      says: ['No pipeline and no run is known as nobody.'],
    });
    await project.flexetl('run', project.name, '--detach', '--run-key', 'open');
    expectError(await project.flexetl('retry', project.name, '--json'), {
      exit: 3,
      code: 'RUN_IN_PROGRESS',
      says: [`A run of ${project.name} is in progress: open.`, `flexetl cancel ${project.name}`],
    });
    await project.flexetl('cancel', project.name);
    expectError(await project.flexetl('retry', project.name, '--json'), {
      exit: 3,
      code: 'RETRY_REFUSED',
      says: ['it was cancelled, so nothing of it was published', `flexetl run ${project.name}`],
    });
  });
});
