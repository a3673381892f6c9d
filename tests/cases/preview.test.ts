/** The preview shows what a run would load, and says what it would refuse. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withContext } from '../../engine/context';
import { planRun } from '../../engine/plan-run';
import { previewRows, type Preview } from '../../engine/preview';
import { resolveConfig } from '../../engine/resolve-config';
import { targets } from '../../targets/index';
import { createTestDeps } from '../support/engine';
import { openCase } from '../support/run-case';

async function preview(dir: string, file = 'pipeline.yaml'): Promise<Preview> {
  const deps = createTestDeps(dir, { targets });
  const config = await resolveConfig(deps, {
    name: 'case',
    text: readFileSync(join(dir, file), 'utf8'),
    file,
  });
  const world = { signal: new AbortController().signal, progress: () => undefined };
  const run = { project: 'p', pipeline: 'case', runKey: 'preview' };
  return withContext(deps, run, world, async (context) =>
    previewRows(deps, run, await planRun(deps, config, context), context, 10),
  );
}

it('counts the records that a run would refuse, and shows the others', async () => {
  const { dir, refusal } = openCase('preview-hides-broken-records');
  expect(await preview(dir)).toEqual({
    header: ['id', 'v'],
    rows: [['2', 'y']],
    read: 3,
    rejected: 2,
    complete: true,
  });
  expect((await refusal()).message).toContain('2 of 3 records');
});

it('keeps the order of records of a file with a column rowid', async () => {
  const { dir, run, rows } = openCase('preview-hides-broken-records');
  const shown = await preview(dir, 'pipeline-rowid.yaml');
  expect(shown.rows).toEqual([['9', 'a', 'first']]);
  await run('pipeline-rowid.yaml');
  expect(rows()).toEqual(shown.rows);
});
