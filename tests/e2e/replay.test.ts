/** `flexetl dlq replay` where a target takes no rows: nothing is doubled, and there is a way on. */
import { mkdirSync } from 'node:fs';
import { openSqlite } from '../../targets/sqlite/binding';
import { closeProjects, openProject, type Project } from '../support/project';

let project: Project;
beforeEach(async () => {
  project = openProject();
  project.write('data/input.csv', 'id,price\n1,10\n2,x\n3,30\n4,y\n');
  mkdirSync(project.path('output'));
  inDatabase((db) => db.exec('CREATE TABLE result (id INTEGER, price INTEGER CHECK (price < 100))'));
  project.configure({
    validation: { schema: { id: 'integer', price: 'integer' } },
    target: { type: 'sqlite', database: 'output/out.db', table: 'result', mode: 'append' },
    targets: undefined,
    fault_tolerance: {
      busy_timeout_seconds: 1,
      dead_letter_queue: { enabled: true },
    },
  });
  expect(await project.flexetl('run', project.name, '--run-key', 'k')).toMatchObject({ exit: 0 });
});
afterEach(closeProjects);

function inDatabase<T>(work: (db: ReturnType<typeof openSqlite>) => T): T {
  const db = openSqlite(project.path('output/out.db'));
  try {
    return work(db);
  } finally {
    db.close();
  }
}

const replay = async (prices: Readonly<Record<number, number>>) => {
  const lines = Object.entries(prices).map(([id, price]) => ({
    letter: Number(id) / 2,
    data: { id: Number(id), price },
  }));
  project.write('fix.ndjson', lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return project.flexetl('dlq', 'replay', project.name, 'fix.ndjson');
};

const ids = (): (string | null)[] => (project.rows() ?? []).map(([id]) => id ?? null).sort();

it('a correction that the table refuses is taken back, and another one is loaded', async () => {
  const refused = await replay({ 2: 500, 4: 40 });
  expect(refused.exit).toBe(3);
  expect(refused.stderr).toContain('2 of 2 letters open');
  expect(refused.stderr).not.toContain('flexetl retry');
  expect(await replay({ 2: 20, 4: 40 })).toMatchObject({ exit: 0 });
  expect(ids()).toEqual(['1', '2', '3', '4']);
});

it('a replay that found the table locked is not loaded by retry, beside the next replay', async () => {
  const locked = await (async () => {
    const db = openSqlite(project.path('output/out.db'));
    try {
      db.exec('BEGIN EXCLUSIVE');
      return await replay({ 2: 20, 4: 40 });
    } finally {
      db.close();
    }
  })();
  expect(locked.stderr).toContain('TARGET_BUSY');
  const retried = await project.flexetl('retry', project.name);
  expect(retried.exit).toBe(3);
  expect(retried.stderr).toContain('RETRY_REFUSED');
  expect(ids()).toEqual(['1', '3']);
  expect(await replay({ 2: 20, 4: 40 })).toMatchObject({ exit: 0 });
  expect(await replay({ 2: 21 })).toMatchObject({ exit: 0 });
  expect(ids()).toEqual(['1', '2', '3', '4']);
});
