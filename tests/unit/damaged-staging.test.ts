/**
 * Damage of staged files: noticed whatever it is, done again from the source where that is unchanged, and never another
 * value in a target.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { withContext, type StepContext } from '../../engine/context';
import type { Deps } from '../../engine/deps';
import { countPartitions } from '../../engine/land';
import { loadPart, publishTarget } from '../../engine/load';
import { readPlan } from '../../engine/plan';
import { LIMITS } from '../../pipeline/limits';
import { prepareRun } from '../../engine/prepare';
import { transformPart } from '../../engine/transform';
import { validateRun } from '../../engine/validate';
import { targets } from '../../targets/index';
import { changeByte, DAMAGES } from '../support/damage';
import { createTestDeps, extractAll } from '../support/engine';
import { makeFolder } from '../support/folder';
import { readTable } from '../support/project';

type Step = 'extract' | 'validate' | 'transform' | 'load' | 'publish';

const FILES = 3;
/** More records than the sample has are in the first file. */
const rowsOf = (file: number): number => (file === 0 ? LIMITS.sampleRecordsMax + 5 : 40);

/** The last record of the last file shows that a column has fractions, so that all parts must become wider. */
const csvOf = (file: number): string => {
  const rows = Array.from({ length: rowsOf(file) }, (_, row) => {
    const amount = file === FILES - 1 && row === rowsOf(file) - 1 ? '7.25' : (row * 17) % 23;
    return `${'abc'[row % 3]},${row},${amount},text ${file}-${row}`;
  });
  // Small files of one dialect would be one partition.
  return ['kind,n,amount,note', ...rows, ''].join(file % 2 === 0 ? '\n' : '\r\n');
};

const ROW_WISE = [{ type: 'filter', column: 'n', operator: '>', value: 3 }];
const IN_ORDER = [{ type: 'deduplicate', columns: ['kind', 'amount'], keep: 'last' }];
const GROUPED = [
  ...ROW_WISE,
  { type: 'aggregate', group_by: ['kind'], aggregations: { total: 'sum(amount)' } },
];

/** As {@link ROW_WISE}, of a source that is cut into partitions. */
const CUT = [...ROW_WISE];

interface Project {
  dir: string;
  deps: Deps;
}

function openProject(transformations: object[], csv: (file: number) => string | Uint8Array = csvOf): Project {
  const dir = makeFolder();
  mkdirSync(join(dir, 'data'));
  for (let file = 0; file < FILES; file += 1) writeFileSync(join(dir, 'data', `${file}.csv`), csv(file));
  const pipeline = {
    name: 'p',
    source: { type: 'csv', path: 'data' },
    transformations,
    ...(transformations === CUT && { scalability: { processing: { chunk_size: 300 } } }),
    targets: [{ type: 'sqlite', database: 'out.db', table: 't', mode: 'replace' }],
  };
  writeFileSync(join(dir, 'pipeline.yaml'), stringify({ version: '1.0', pipeline }));
  return { dir, deps: createTestDeps(dir, { targets }) };
}

const run = { project: 'test', pipeline: 'p', runKey: 'k' };

/** Runs the pipeline, and calls `before` before every step with the folder of the staged parts. */
function runSteps(
  { dir, deps }: Project,
  before: (step: Step, partsDir: string) => void,
): Promise<(string | null)[][] | undefined> {
  const world = { signal: new AbortController().signal, progress: () => undefined };
  return withContext(deps, run, world, async (context: StepContext) => {
    const partsDir = join(context.staging.localDir, 'parts');
    const text = readFileSync(join(dir, 'pipeline.yaml'), 'utf8');
    const plan = await prepareRun(deps, { run, text, file: 'pipeline.yaml' }, context);
    before('extract', partsDir);
    await extractAll(deps, context, run);
    before('validate', partsDir);
    await validateRun(deps, { run }, context);
    before('transform', partsDir);
    const count = plan.perPartition
      ? await countPartitions(deps, await readPlan(context.staging), context)
      : 1;
    for (let part = 0; part < count; part += 1)
      await transformPart(deps, { run, part, partition: plan.perPartition ? part : null }, context);
    before('load', partsDir);
    let rows = 0;
    for (let part = 0; part < count; part += 1)
      rows += (await loadPart(deps, { run, target: 0, part }, context)).rows;
    before('publish', partsDir);
    await publishTarget(deps, { run, target: 0, rows }, context);
    await context.staging.remove('');
    return readTable(join(dir, 'out.db'), 't');
  });
}

/** The paths of staged files whose names match, without their endings. */
function staged(partsDir: string, pattern: RegExp): string[] {
  const names = readdirSync(partsDir, { recursive: true }).map(String);
  return names
    .filter((name) => pattern.test(name))
    .map((name) => join(partsDir, name))
    .sort();
}

/** Two parts with their receipts take each other's place. */
function swap([one = '', other = '']: readonly string[]): void {
  for (const ending of ['.parquet', '.json']) {
    const [a, b] = [one, other].map((path) => path.replace(/\.parquet$/, ending)) as [string, string];
    renameSync(a, `${a}.swap`);
    renameSync(b, a);
    renameSync(`${a}.swap`, b);
  }
}

type Rows = Awaited<ReturnType<typeof runSteps>>;
const known = new Map<object[], Promise<Rows>>();

/** The rows of a run without damage. */
function undisturbed(transformations: object[]): Promise<Rows> {
  const rows = known.get(transformations) ?? runSteps(openProject(transformations), () => undefined);
  known.set(transformations, rows);
  return rows;
}

async function expectUndisturbed(
  transformations: object[],
  at: Step,
  damage: (partsDir: string) => void,
): Promise<void> {
  const expected = await undisturbed(transformations);
  expect(expected?.length).toBeGreaterThan(2);
  let damaged = false;
  const found = await runSteps(openProject(transformations), (step, partsDir) => {
    if (step !== at) return;
    damage(partsDir);
    damaged = true;
  });
  expect(damaged).toBe(true);
  expect(found).toEqual(expected);
}

describe.each([
  ['rows of one part', ROW_WISE],
  ['rows of all parts', IN_ORDER],
  ['partial groups', GROUPED],
])('a staged part, of %s,', (_what, transformations) => {
  it.each(Object.keys(DAMAGES))('is extracted again: %s', async (how) => {
    await expectUndisturbed(transformations, 'transform', (partsDir) => {
      const [file = ''] = staged(partsDir, /extract.*\.parquet$/);
      DAMAGES[how]?.(file);
    });
  });

  it.each(Object.keys(DAMAGES))('is extracted again: %s, of its receipt', async (how) => {
    await expectUndisturbed(transformations, 'transform', (partsDir) => {
      for (const file of staged(partsDir, /extract.0000[02].*\.json$/)) DAMAGES[how]?.(file);
    });
  });

  it('is extracted again: it was swapped with another', async () => {
    await expectUndisturbed(transformations, 'transform', (partsDir) =>
      swap(staged(partsDir, /extract.0000[01].*\.parquet$/)),
    );
  });

  it.each(['load', 'publish'] as const)('and one of the output, damaged before %s', async (step) => {
    for (const how of ['one bit is flipped', 'it is gone']) {
      await expectUndisturbed(transformations, step, (partsDir) => {
        const [file = ''] = staged(partsDir, /transform.*\.parquet$/);
        DAMAGES[how]?.(file);
      });
    }
  });
});

describe('what is staged beside the parts', () => {
  it.each([
    ['evidence of the types', 'validate', /evidence/],
    ['evidence of the types', 'transform', /evidence/],
    ['evidence of the types', 'load', /evidence/],
    ['the final types', 'transform', /parts.types/],
    ['the schema of the output', 'load', /parts.output/],
    ['the schema of the output', 'publish', /parts.output/],
    ['the receipt of an output part', 'load', /transform.*json$/],
    ['the place of a partition', 'transform', /landed/, CUT],
  ] as const)(
    'is made again: %s, damaged before %s',
    async (_what, step, pattern, transformations = ROW_WISE) => {
      for (const how of ['one bit is flipped', 'it is empty', 'it is gone']) {
        await expectUndisturbed(transformations, step, (partsDir) => {
          const files = staged(partsDir, /\.(json|parquet)$/).filter((path) => pattern.test(path));
          expect(files).not.toEqual([]);
          for (const file of files) DAMAGES[how]?.(file);
        });
      }
    },
  );

  it('is made again: rejects, which are shown as if nothing had been', async () => {
    const csv = (file: number): string => csvOf(file).replace('text 1-5', 'text 1-5,too,many');
    const places = async (damage?: (path: string) => void): Promise<unknown> => {
      const error = await runSteps(openProject(ROW_WISE, csv), (step, partsDir) => {
        if (step === 'validate') for (const file of staged(partsDir, /rejects.*\.parquet$/)) damage?.(file);
      }).catch((thrown: unknown) => thrown);
      return error;
    };
    const expected = await places();
    expect(expected).toMatchObject({ code: 'RECORDS_REJECTED', places: [{ file: 'data/1.csv', record: 6 }] });
    for (const damage of Object.values(DAMAGES)) expect(await places(damage)).toEqual(expected);
  });

  it.each(Object.keys(DAMAGES))(
    'ends the run, if it is the plan, and the next run starts new: %s',
    async (how) => {
      const project = openProject(ROW_WISE);
      const expected = await undisturbed(ROW_WISE);
      const broken = runSteps(project, (step, partsDir) => {
        if (step === 'transform') DAMAGES[how]?.(join(partsDir, 'plan.json'));
      });
      await expect(broken).rejects.toMatchObject({
        code: how === 'it is gone' ? 'STAGING_MISSING' : 'STAGING_DAMAGED',
      });
      expect(await runSteps(project, () => undefined)).toEqual(expected);
    },
  );
});

it.each(['changed', 'gone'])('a damaged part whose source is %s ends the run, and says so', async (what) => {
  const project = openProject(ROW_WISE);
  const path = join(project.dir, 'data', '0.csv');
  const broken = runSteps(project, (step, partsDir) => {
    if (step !== 'transform') return;
    for (const file of staged(partsDir, /extract.00000.*\.parquet$/)) changeByte(file, 0.5);
    if (what === 'gone') rmSync(path);
    else writeFileSync(path, csvOf(0).replace('text 0-1', 'text 9-9'));
  });
  await expect(broken).rejects.toMatchObject({
    code: 'STAGING_DAMAGED',
    message: expect.stringMatching(/damaged, and it cannot be read again: data\/0\.csv changed/),
  });
});

it.each(Object.keys(DAMAGES).filter((how) => how !== 'it is gone'))(
  'copies of compressed files are made again: %s',
  async (how) => {
    const packed = openProject(CUT, (file) => gzipSync(csvOf(file)));
    const rows = await runSteps(packed, (step, partsDir) => {
      if (step !== 'extract') return;
      const copies = staged(join(partsDir, '..', 'shared'), /plain.*\.txt(?!.*receipt)/);
      expect(copies).toHaveLength(FILES);
      for (const file of copies) DAMAGES[how]?.(file);
    });
    expect(rows).toEqual(await undisturbed(CUT));
  },
);
