/** Checks that look at earlier runs: only published ones count, and each once. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { FlexetlError } from '../../pipeline/errors';
import type { Target } from '../../plugin/target';
import { targets } from '../../targets/index';
import { makeFolder } from '../support/folder';
import { runPipeline } from '../support/run-case';

/** When the process that publishes is killed; the run is then started again under its key, or given up. */
type Killed = 'before the publish' | 'after the publish' | undefined;

interface Options {
  killed?: Killed;
  runKey?: string;
  target?: keyof typeof PLACES;
  /** Only the publish of targets of this type is killed. */
  kills?: string;
}

const PLACES = {
  sqlite: '{type: sqlite, database: out.db, table: t, mode: append}',
  parquet: '{type: parquet, path: out, mode: append}',
  both: '[{type: sqlite, database: out.db, table: t, mode: append}, {type: parquet, path: out, mode: append}]',
};

/** A pipeline with these checks. @returns a function that runs it over the values of a column `k` */
function openPipeline(checks: string) {
  const dir = makeFolder();
  mkdirSync(join(dir, 'data'));
  let runs = 0;
  return {
    dir,
    async run(
      values: readonly (string | number)[],
      { killed, runKey = `run-${(runs += 1)}`, target = 'sqlite', kills }: Options = {},
    ): Promise<{ says: string; warnings: readonly string[] }> {
      writeFileSync(join(dir, 'data', 'in.csv'), `i,k\n${values.map((k) => `0,${k}\n`).join('')}`);
      const file = `version: '1.0'
pipeline:
  name: kept
  source: {type: csv, path: data/in.csv}
  validation: {schema: {k: {type: string}}, quality_checks: [${checks}]}
  ${target === 'both' ? 'targets' : 'target'}: ${PLACES[target]}
`;
      writeFileSync(join(dir, 'pipeline.yaml'), file);
      const plugins = {
        targets: targets.map((one) =>
          killPublish(one, kills === undefined || one.type === kills ? killed : undefined),
        ),
      };
      try {
        const { warnings } = await runPipeline(dir, 'pipeline.yaml', { runKey, plugins });
        return { says: 'passed', warnings };
      } catch (error) {
        if (error instanceof Error && error.message === 'killed') return { says: 'killed', warnings: [] };
        if (error instanceof FlexetlError) return { says: error.message, warnings: [] };
        throw error;
      }
    },
  };
}

function killPublish(target: Target<unknown>, killed: Killed): Target<unknown> {
  return {
    ...target,
    open: (options, context) => {
      const open = target.open(options, context);
      return {
        ...open,
        async publish(...call) {
          if (killed === 'before the publish') throw new Error('killed');
          const published = await open.publish(...call);
          if (killed === 'after the publish') throw new Error('killed');
          return published;
        },
      };
    },
  };
}

const rows = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('volume', () => {
  const VOLUME = '{type: volume, runs: 2, max_drop_percentage: 50, max_rise_percentage: 50}';

  it.each(['sqlite', 'parquet'] as const)(
    'compares with the average of published runs: %s',
    async (target) => {
      const { run } = openPipeline(VOLUME);
      const says = [];
      for (const count of [10, 4, 6, 12, 13, 9])
        says.push((await run(rows(count), { target })).says.replace('volume: ', ''));
      expect(says).toEqual([
        'passed',
        'there are 4 rows, the run before had 10, expected at most 50 % less.',
        'passed',
        'passed',
        'passed',
        'passed',
      ]);
      expect((await run(rows(17), { target })).says).toBe(
        'volume: there are 17 rows, the 2 runs before had on average 11, expected at most 50 % more.',
      );
    },
  );
});

describe('no_duplicates within runs', () => {
  const KEYS = '{type: no_duplicates, columns: [k], within: {runs: 2}}';

  it('finds the keys of as many published runs as it is to look at', async () => {
    const { run } = openPipeline(KEYS);
    expect((await run(['a', 'b'])).says).toBe('passed');
    expect((await run(['c', 'b', 'b'])).says).toBe(
      'no_duplicates: 2 rows have the key (k) of an earlier row, or of one of the 2 runs before.',
    );
    expect((await run(['c'])).says).toBe('passed');
    expect((await run(['d'])).says).toBe('passed');
    // The run of a and b is the third before this one.
    expect((await run(['a'])).says).toBe('passed');
    expect((await run(['c'])).says).toBe('passed');
    expect((await run(['a'])).says).toMatch(/^no_duplicates: 1 row /);
  });

  it('judges a run that some targets have by the runs before it, and not by itself', async () => {
    const { run } = openPipeline(KEYS);
    const again = { target: 'both', runKey: 'second' } as const;
    await run(['a'], { target: 'both', runKey: 'first' });
    const killed = { ...again, killed: 'before the publish', kills: 'parquet' } as const;
    expect((await run(['b'], killed)).says).toBe('killed');
    // It is published in one of the two: another run sees it.
    expect((await run(['b'], { target: 'both', runKey: 'third' })).says).toMatch(/^no_duplicates: 1 row/);
    expect((await run(['b'], again)).says).toBe('passed');
    expect((await run(['b'], { target: 'both', runKey: 'third' })).says).toMatch(/^no_duplicates: 1 row/);
    expect((await run(['c'], { target: 'both', runKey: 'fourth' })).says).toBe('passed');
  });

  it('says which runs it could not compare with, where the staging store was emptied', async () => {
    const { run, dir } = openPipeline(KEYS);
    await run(['a']);
    rmSync(join(dir, '.flexetl'), { recursive: true });
    expect(await run(['a'])).toEqual({
      says: 'passed',
      warnings: [
        'no_duplicates: the keys of run run-1 are gone from the staging store, its rows were not compared.',
      ],
    });
  });

  it('counts what a model counts, whenever runs are killed, started again or given up', async () => {
    const oneRun = fc.record({
      keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), { minLength: 1, maxLength: 3 }),
      killed: fc.constantFrom<Killed>(undefined, undefined, 'before the publish', 'after the publish'),
      isAgain: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(oneRun, { minLength: 3, maxLength: 6 }), async (history) => {
        const { run } = openPipeline(KEYS);
        const published: string[][] = [];
        for (const [index, { keys, killed, isAgain }] of history.entries()) {
          const before = published.slice(-2).flat();
          const isDouble = new Set(keys).size < keys.length || keys.some((key) => before.includes(key));
          const runKey = `key-${index}`;
          const { says } = await run(keys, { killed, runKey });
          expect(says.startsWith('no_duplicates: ')).toBe(isDouble);
          if (isDouble) continue;
          expect(says).toBe(killed ? 'killed' : 'passed');
          if (killed !== 'before the publish' || isAgain) published.push(keys);
          if (killed && isAgain) expect((await run(keys, { runKey })).says).toBe('passed');
        }
      }),
      { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 5) },
    );
  });
});
