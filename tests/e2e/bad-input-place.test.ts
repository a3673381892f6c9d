import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { closeProjects, openProject, reportOf, type Project } from '../support/project';
import { expectError, expectRefusal } from '../support/refusal';
import { waitFor } from '../support/wait-for';
import { openSqlite } from '../../targets/sqlite/binding';

/** No port of a test run listens there. */
const CLOSED = '127.0.0.1:9';

let project: Project;
beforeEach(() => {
  project = openProject();
  project.write('data/input.csv', 'a\n1\n');
  project.configure();
});
afterEach(closeProjects);

describe('a folder that cannot be written', () => {
  it('of the target: is told before anything is read', async () => {
    project.write('output', 'a file');
    const report = await expectRefusal(project, {
      exit: 3,
      code: 'TARGET_INVALID',
      says: [/output\/out\.db cannot be opened for writing: .*output is a file, not a folder\./],
    });
    expect(report.steps).toEqual({ prepare: expect.anything() as unknown });
    expect(readFileSync(project.path('output'), 'utf8')).toBe('a file');
  });

  it('of the target: on a file system that takes no folders', async () => {
    const targets = [{ type: 'sqlite', database: '/proc/flexetl/out.db', table: 'result' }];
    project.configure({ targets });
    const report = await expectRefusal(project, {
      exit: 3,
      code: 'TARGET_INVALID',
      says: [
        '/proc/flexetl/out.db cannot be opened for writing: ENOENT',
        'or choose another path in `database`',
      ],
    });
    expect(report.steps).toEqual({ prepare: expect.anything() as unknown });
  });

  it('of the run report: is told before anything is read', async () => {
    project.write('output/reports', 'a file');
    const report = await expectRefusal(project, {
      exit: 3,
      code: 'PATH_UNWRITABLE',
      says: [
        `The run report cannot be written to output/reports/${project.name}: `,
        'output/reports is a file, not a folder.',
      ],
    });
    expect(report.steps).toEqual({ prepare: expect.anything() as unknown });
  });

  it('of the log: is told before a run is started', async () => {
    project.write('logs', 'a file');
    await expectRefusal(project, {
      exit: 3,
      code: 'PATH_UNWRITABLE',
      says: [
        /logs\/flexetl\.log cannot be written: .*logs is a file, not a folder\./,
        'monitoring.logging.output',
      ],
    });
    expect(existsSync(project.path('output'))).toBe(false);
  });

  it.each(['/proc/flexetl', '/dev/null'])('of staging: %s', async (folder) => {
    project.env['FLEXETL_STAGING_DIR'] = folder;
    await expectRefusal(project, {
      exit: 3,
      code: 'PATH_UNWRITABLE',
      says: [`${folder}/id cannot be written: `, 'FLEXETL_STAGING_DIR'],
    });
    expect(project.rows()).toBeUndefined();
  });
});

describe('a SQLite file', () => {
  it('that is none is named and left as it is', async () => {
    const text = 'This is no database, only a text of some length. '.repeat(50);
    project.write('output/out.db', text);
    const outcome = await project.flexetl('run', project.name, '--json');
    expectError(outcome, {
      exit: 3,
      code: 'TARGET_INVALID',
      says: ['output/out.db is not a SQLite database: file is not a database.'],
    });
    expect(readFileSync(project.path('output/out.db'), 'utf8')).toBe(text);
  });

  it('that is a folder is named', async () => {
    project.write('output/out.db/file', '');
    expectError(await project.flexetl('run', project.name, '--json'), {
      exit: 3,
      code: 'TARGET_INVALID',
      says: ['output/out.db is not a SQLite database: it is a folder.'],
    });
  });

  it('that another program holds locked for too long is told, and left as it is', async () => {
    project.configure({ fault_tolerance: { busy_timeout_seconds: 1 } });
    project.write('output/.keep', '');
    const other = openSqlite(project.path('output/out.db'));
    other.exec('CREATE TABLE result (a TEXT); INSERT INTO result VALUES (7); BEGIN EXCLUSIVE');
    try {
      expectError(await project.flexetl('run', project.name, '--json'), {
        exit: 3,
        code: 'TARGET_BUSY',
        says: ['output/out.db is locked by another program.', 'Close the program that writes to it'],
      });
    } finally {
      other.exec('ROLLBACK');
      other.close();
    }
    expect(project.rows()).toEqual([['7']]);
    expect(project.leftovers()).toEqual([]);
  });

  it('that is locked for a while only holds up the run', async () => {
    project.write('output/.keep', '');
    const path = project.path('output/out.db');
    const other = openSqlite(path);
    other.exec('CREATE TABLE t (a); BEGIN EXCLUSIVE');
    const running = project.flexetl('run', project.name, '--json');
    await waitFor(() => connectionsTo(path) > 1, { deadlineMs: 30_000, what: 'the run to meet the lock' });
    other.exec('ROLLBACK');
    const outcome = await running;
    other.close();
    expect(outcome.exit).toBe(0);
    expect(reportOf(outcome).status).toBe('succeeded');
    expect(project.rows()).toEqual([['1']]);
  });

  it('whose table cannot take the rows is told with what stands in the way', async () => {
    project.configure({
      targets: [{ type: 'sqlite', database: 'output/out.db', table: 'result', mode: 'append' }],
    });
    project.write('output/.keep', '');
    const other = openSqlite(project.path('output/out.db'));
    other.exec('CREATE TABLE result (b TEXT NOT NULL)');
    other.close();
    await expectRefusal(project, {
      exit: 3,
      code: 'TARGET_INCOMPATIBLE',
      says: ['the table lacks column "a" (integer)', 'the pipeline lacks column "b", which must not be null'],
    });
  });
});

/** Of this process; only Linux tells, elsewhere there is nothing to wait for. */
function connectionsTo(path: string): number {
  if (process.platform !== 'linux') return Infinity;
  return readdirSync('/proc/self/fd').filter((fd) => fileOf(fd) === path).length;
}

function fileOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // Closed since it was listed.
    return undefined;
  }
}

describe('a server', () => {
  it('that does not answer at the address given is an error that names both', async () => {
    project.env['TEMPORAL_ADDRESS'] = CLOSED;
    for (const argv of [['run', project.name], ['status'], ['worker']]) {
      await expectRefusal(
        project,
        {
          exit: 3,
          code: 'SERVER_UNREACHABLE',
          says: [`The Temporal server at ${CLOSED} (TEMPORAL_ADDRESS) does not answer: connection refused.`],
        },
        argv,
      );
    }
    expect(existsSync(project.path('output'))).toBe(false);
  });

  it('whose binary is nowhere to be had is an error that names every way to have one', async () => {
    Object.assign(project.env, {
      TEMPORAL_ADDRESS: undefined,
      TEMPORAL_CLI_PATH: undefined,
      PATH: project.path('empty'),
      FLEXETL_CACHE_DIR: project.path('cache'),
      FLEXETL_TEMPORAL_DOWNLOAD_URL: `http://${CLOSED}`,
    });
    const running = project.start('run', project.name, '--json');
    expectError(await running.ended(), {
      exit: 3,
      code: 'SERVER_BINARY_MISSING',
      says: [
        'There is no Temporal server binary, and none could be downloaded or built',
        CLOSED,
        'Go is not on PATH',
        'TEMPORAL_ADDRESS',
        'TEMPORAL_CLI_PATH',
        'https://docs.temporal.io/cli',
      ],
    });
    expect(existsSync(project.path('output'))).toBe(false);
  });

  it('whose binary is named wrongly is an error that names it', async () => {
    Object.assign(project.env, {
      TEMPORAL_ADDRESS: undefined,
      TEMPORAL_CLI_PATH: project.path('data/input.csv'),
    });
    expectError(await project.start('run', project.name, '--json').ended(), {
      exit: 3,
      code: 'SERVER_BINARY_MISSING',
      says: [`TEMPORAL_CLI_PATH names ${project.path('data/input.csv')}, which is not an executable file.`],
    });
  });
});
