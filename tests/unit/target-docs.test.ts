/** The examples of docs/targets run as they are printed. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../support/folder';
import { databaseFor, queryPostgresql } from '../support/postgresql';
import { readTable } from '../support/project';
import { runPipeline } from '../support/run-case';

const DOCS = join(__dirname, '../../docs/targets');
const EVENTS = 'id,country,day,note\n1,DE,2026-01-02,=1+1\n2,a/b,2026-01-02,\n3,,2026-01-03,x\n';

/** Paths of the files that each example makes; a name of ours is `…`. */
const MADE: Record<string, string[]> = {
  'parquet.md': [
    'events.parquet',
    'events/_manifest.json',
    'events/country=DE/day=2026-01-02/….parquet',
    'events/country=__HIVE_DEFAULT_PARTITION__/day=2026-01-03/….parquet',
    'events/country=a%2Fb/day=2026-01-02/….parquet',
  ],
  'csv.md': ['excel/….csv', 'excel/_manifest.json', 'report.csv', 'report.csv.gz'],
};

function prepareExample(dir: string, page: string): void {
  const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(join(DOCS, page), 'utf8')) ?? [];
  mkdirSync(join(dir, 'data'));
  writeFileSync(join(dir, 'data/events.csv'), EVENTS);
  writeFileSync(join(dir, 'pipeline.yaml'), text);
}

describe.each(['sqlite', 'postgresql'])('the example of docs/targets/%s.md', (name) => {
  it('fills the tables that the page names', async () => {
    const dir = makeFolder();
    const url = await databaseFor(dir);
    prepareExample(dir, `${name}.md`);
    const state = await runPipeline(dir, 'pipeline.yaml', { env: { DATABASE_URL: url } });
    expect(state.targets.map(({ rows_loaded, status }) => [rows_loaded, status])).toEqual(
      state.targets.map(() => [3, 'published']),
    );
    for (const table of ['events', 'events_log', 'events_by_id']) {
      const rows =
        name === 'sqlite'
          ? readTable(join(dir, 'output/events.db'), table)
          : await queryPostgresql(url, `TABLE ${table}`);
      expect([table, rows?.map(([id]) => String(id)).sort()]).toEqual([table, ['1', '2', '3']]);
    }
  });
});

describe.each(Object.entries(MADE))('the example of docs/targets/%s', (name, expected) => {
  it('makes the files that the page names, with all rows', async () => {
    const dir = makeFolder();
    prepareExample(dir, name);
    const state = await runPipeline(dir);
    expect(state.targets.map(({ rows_loaded }) => rows_loaded)).toEqual(state.targets.map(() => 3));
    const output = join(dir, 'output');
    const made = readdirSync(output, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(output.length + 1))
      .filter((path) => !path.includes('_flexetl/') && !path.startsWith('reports/'));
    expect(made.map((path) => path.replace(/[0-9a-f]{12}-[0-9a-f-]+/, '…')).sort()).toEqual(expected.sort());
    if (existsSync(join(output, 'report.csv')))
      expect(readFileSync(join(output, 'report.csv'), 'utf8')).toBe(EVENTS);
  });
});
