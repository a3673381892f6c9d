/** A path is a path: characters that are patterns, addresses or partitions to some program are names here. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../support/folder';
import { readTable } from '../support/project';
import { runPipeline } from '../support/run-case';

const NAMES = [
  'a b',
  'a#b',
  'a?b',
  'a%20b',
  'a*b',
  'a[b]',
  'a[!b',
  'year=1999',
  'a\nb',
  "a'b",
  'a{b,c}',
  'é',
  'a\\b',
  '\\[a',
  '~',
];

/** Runs a pipeline over files of a project folder. @returns the rows of the target as texts */
async function runIn(dir: string, path: string, files: Record<string, string>): Promise<unknown> {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  const source = JSON.stringify({ type: 'csv', path });
  const target = JSON.stringify({ type: 'sqlite', database: 'out.db', table: 't' });
  const lines = ["version: '1.0'", 'pipeline:', '  name: p', `  source: ${source}`, `  target: ${target}`];
  writeFileSync(join(dir, 'pipeline.yaml'), lines.join('\n'));
  await runPipeline(dir);
  return readTable(join(dir, 'out.db'), 't')?.sort();
}

const CLEAN = 'id,v\n1,x\n';
/** For the careful lane. */
const ODD = 'id,v\n2,   "y"\n';

describe('a path has its characters as they are', () => {
  it.each(NAMES)('in the names of files and folders: %j', async (name) => {
    const files = { [`${name}/${name}.csv`]: CLEAN, [`${name}/~~.csv`]: ODD, [`${name}/${name}.txt`]: 'no' };
    const dir = makeFolder();
    expect(await runIn(dir, `${name}/${name}.csv`, files)).toEqual([['1', 'x']]);
    expect(await runIn(dir, name, {})).toEqual([
      ['1', 'x'],
      ['2', 'y'],
    ]);
    // In a glob a backslash is no name.
    if (name.includes('\\')) return;
    expect(await runIn(dir, `${name}/*.csv`, {})).toEqual([
      ['1', 'x'],
      ['2', 'y'],
    ]);
  });

  // DuckDB finds no path with a backslash beside a bracket: such a source is copied, but not the staging folder.
  it.each(NAMES.filter((name) => name !== '\\[a'))('in the name of the project folder: %j', async (name) => {
    const dir = join(makeFolder(), name);
    mkdirSync(dir);
    expect(await runIn(dir, 'in', { 'in/a.csv': CLEAN, 'in/b.csv': ODD })).toEqual([
      ['1', 'x'],
      ['2', 'y'],
    ]);
  });
});
