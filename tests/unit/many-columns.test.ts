/** Very many columns, files and values: they work, or are refused before anything is read, and results stay small. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { LIMITS } from '../../pipeline/limits';
import { targets } from '../../targets/index';
import { fakeLines } from '../support/fake-file-target';
import { makeFolder } from '../support/folder';
import { readTable } from '../support/project';
import { openCase, runPipeline } from '../support/run-case';

// Far more than they need: planning thousands of columns takes seconds, on a busy machine a minute.
jest.setTimeout(300_000);

const plugins = { targets: [...targets, fakeLines] as never };

/** A file of records that have one text in all columns. */
function csvOf(columns: number, texts: readonly string[]): string {
  const header = Array.from({ length: columns }, (_, column) => `question_${column}`).join(',');
  return [header, ...texts.map((text) => Array(columns).fill(text).join(',')), ''].join('\n');
}

function openProject(files: Record<string, string>, sections: object = {}): string {
  const dir = makeFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  const lines = { type: 'fake_lines', path: 'out' };
  const pipeline = { name: 'wide', source: { type: 'csv', path: 'data' }, targets: [lines], ...sections };
  writeFileSync(join(dir, 'pipeline.yaml'), stringify({ version: '1.0', pipeline }));
  return dir;
}

/** The rows that the fake target has written. */
function linesOf(dir: string): string[][] {
  const names = readdirSync(join(dir, 'out'), { recursive: true }).map(String);
  const files = names.filter((name) => name.endsWith('.lines'));
  const texts = files.map((name) => readFileSync(join(dir, 'out', name), 'utf8').trim());
  return texts.flatMap((text) => text.split('\n').map((line) => JSON.parse(line) as string[]));
}

describe('columns', () => {
  it('may be 5,000, of any type', async () => {
    const dir = openProject({ 'data/in.csv': csvOf(LIMITS.columnsMax, ['1', '2.5', '', '3']) });
    const { output } = await runPipeline(dir, 'pipeline.yaml', { plugins });
    expect(output).toBe(4);
    expect(linesOf(dir).map((row) => [row.length, new Set(row)])).toEqual(
      ['1.0', '2.5', null, '3.0'].map((text) => [LIMITS.columnsMax, new Set([text])]),
    );
  });

  it('that are more are refused before anything is read', async () => {
    const dir = openProject({ 'data/in.csv': csvOf(LIMITS.columnsMax + 1, ['true']) });
    await expect(runPipeline(dir, 'pipeline.yaml', { plugins })).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringContaining(`The source has ${LIMITS.columnsMax + 1} columns, the limit is 5000.`),
    });
  });

  it('may all turn out to be of another type after the sample', async () => {
    const { dir, run } = openCase('wide-file-turns-text');
    mkdirSync(join(dir, 'data'));
    const fives = Array<string>(1_100).fill('5');
    writeFileSync(join(dir, 'data/in.csv'), csvOf(600, [...fives, 'N/A']));
    await run();
    const rows = readTable(join(dir, 'out.db'), 't') ?? [];
    expect(rows).toHaveLength(1_101);
    expect([new Set(rows[0]), new Set(rows[1_100])]).toEqual([new Set(['5']), new Set(['N/A'])]);
  });

  it('may all be empty in the sample', async () => {
    const { dir, run } = openCase('wide-file-turns-text');
    mkdirSync(join(dir, 'data'));
    const nulls = Array<string>(1_010).fill('');
    writeFileSync(join(dir, 'data/sparse.csv'), csvOf(1_500, [...nulls, '1.5']));
    await run('pipeline-sparse.yaml');
    const sparse = readTable(join(dir, 'out.db'), 't') ?? [];
    expect([sparse.length, new Set(sparse[0]), new Set(sparse[1_010])]).toEqual([
      1_011,
      new Set([null]),
      new Set(['1.5']),
    ]);
  });
});

it('paths may be long, and results stay small', async () => {
  const folder = Array.from({ length: 3 }, () => 'x'.repeat(200)).join('/');
  // Partitions of files without records cost nothing.
  const names = Array.from({ length: 120 }, (_, file) => `data/${folder}/${file}.csv`);
  const files = Object.fromEntries(names.map((name, index) => [name, index === 7 ? 'n\n7\n' : 'n\n']));
  const dir = openProject(files, { source: { type: 'csv', path: 'data/**/*.csv' } });
  const { output, plan } = await runPipeline(dir, 'pipeline.yaml', { plugins });
  expect(output).toBe(1);
  expect(plan?.files.length).toBeGreaterThan(10);
});

it('a list of values may be long, and results stay small', async () => {
  const value = Array.from({ length: 9_000 }, (_, number) => number);
  const transformations = [{ type: 'filter', column: 'n', operator: 'in', value }];
  const dir = openProject({ 'data/in.csv': 'n\n8999\n9000\n' }, { transformations });
  expect((await runPipeline(dir, 'pipeline.yaml', { plugins })).output).toBe(1);
});
