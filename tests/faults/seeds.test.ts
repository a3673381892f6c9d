/**
 * Runs that are disturbed at random: a seed says by what, where and when. `npm run test:faults` tries more of them, and
 * lets things be away for longer.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqlite } from '../../targets/sqlite/binding';
import { makeFolder } from '../support/folder';
import { closeOwnProjects } from '../support/own-server';
import { databaseFor } from '../support/postgresql';
import type { Project } from '../support/project';
import { canMount } from './harness/faults';
import { playUndisturbed, type Undisturbed, type World } from './harness/play-seed';
import { playSeeds } from './harness/play-seeds';

const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);
const TOGETHER = 5;

const world: World = {
  patience: 0.6,
  mounts: canMount(makeFolder()),
  crashes: false,
  database: (name) => databaseFor(`faults ${name}`),
};
let undisturbed: Undisturbed;
/** What the checker says of a run that was damaged when it had ended. */
let wrong: string[];

beforeAll(async () => {
  undisturbed = await playUndisturbed(world, (project, look) => {
    for (const [, damage] of DAMAGES) damage(project);
    wrong = look();
  });
});
afterAll(closeOwnProjects);

/** What can be wrong in the end, and how the checker must say it. */
const DAMAGES: [RegExp, (project: Project) => void][] = [
  [/csv has 4157 rows/, ({ path }) => appendFileSync(path('output/result.csv'), '1,1,1.02,1.02\n')],
  [
    /sqlite has other rows/,
    ({ path }) => {
      const db = openSqlite(path('output/out.db'));
      db.exec('UPDATE result SET revenue = revenue + 0.01 WHERE n = 4000');
      db.close();
    },
  ],
  [/its manifest/, ({ path }) => writeFileSync(path('output/parquet/more.parquet'), '')],
  [
    /staging.* was left/,
    ({ path, name }) => mkdirSync(path('.flexetl/staging/test', name, 'k'), { recursive: true }),
  ],
  [
    /the report says failed/,
    ({ path, name }) => {
      const report = path('output/reports', name, 'k.json');
      writeFileSync(report, readFileSync(report, 'utf8').replace('"succeeded"', '"failed"'));
    },
  ],
];

describe('the checker of the fault tests', () => {
  it('shares no code with what it checks', () => {
    const text = readFileSync(join(__dirname, 'harness/checker.ts'), 'utf8');
    const modules = [...text.matchAll(/(?:from |import\(|require\()'?([\w@./:-]+)/g)].map(([, name]) => name);
    expect(modules.length).toBeGreaterThan(5);
    for (const name of modules) expect(name).toMatch(/^(node:.*|better-sqlite3|@duckdb\/node-api|pg|name)$/);
  });

  it('is content with a run without a fault, and sees each kind of damage', () => {
    expect(undisturbed.points.size).toBeGreaterThan(8);
    for (const [says] of DAMAGES) expect(wrong).toContainEqual(expect.stringMatching(says));
    expect(wrong).toHaveLength(DAMAGES.length);
  });
});

describe('runs that are disturbed', () => {
  it('lose and double nothing, with any of the seeds', async () => {
    const reports = await playSeeds(SEEDS, TOGETHER, world, undisturbed, () => undefined);
    expect(reports.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
    expect(reports).toHaveLength(SEEDS.length);
  }, 900_000);
});
