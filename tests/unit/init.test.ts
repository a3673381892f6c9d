/** `flexetl init <file>`: the pipeline file that it writes is valid, and runs. */
import { existsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { databaseFor, queryPostgresql } from '../support/postgresql';
import { closeProjects, openProject, readTable, readText, type Project } from '../support/project';
import { runPipeline } from '../support/run-case';

afterEach(closeProjects);

const ORDERS = `order_id,shop,price,ordered_on,at,open,code,note
1,Harbour,3.40,2026-03-01,2026-03-01 08:00:00,true,00012,
2,Station,12.5,2026-03-02,2026-03-01 08:00:01,false,7,
3,Harbour,3.40,2026-03-02,2026-03-01 08:00:01,true,7,
`;

interface Described {
  pipeline: string;
  file: string;
  records: number;
  rejected: number;
  complete: boolean;
  columns: { name: string; type: string; nulls: number }[];
  key: string[];
  next: string;
}

async function init(project: Project, ...argv: string[]): Promise<Described> {
  const { exit, stdout, stderr } = await project.flexetl('init', ...argv, '--json');
  expect([exit, stderr.replace(/^(warning|Project):.*\n/gm, '')]).toEqual([0, '']);
  return JSON.parse(stdout) as Described;
}

/** Runs a pipeline file to its end, and reads the table that it fills. */
async function load({ dir, path }: Project, name: string): Promise<unknown> {
  await runPipeline(dir, `configs/${name}.yaml`);
  return readTable(path('output', `${name}.db`), name);
}

describe('flexetl init <file>', () => {
  it('writes a file with the types, the dialect and a probable key, and says what to do next', async () => {
    const project = openProject();
    project.write('data/orders.csv', ORDERS.replaceAll(',', ';'));
    expect(await project.flexetl('init', 'data/orders.csv')).toMatchObject({
      exit: 0,
      stdout:
        '✔ configs/orders.yaml: 8 columns, typed from all 3 records\n' +
        '  next     flexetl preview orders, then flexetl run orders\n',
    });
    const text = readText(project.path('configs', 'orders.yaml'));
    for (const line of [
      '    - type: sqlite',
      `    quote: '"'`,
      '    path: data/orders.csv',
      '    encoding: utf-8',
      '    delimiter: ";"',
      '      order_id: { type: integer }',
      '      price: { type: decimal } # exact, with all digits of the input',
      '      ordered_on: { type: date }',
      '      at: { type: timestamp }',
      '      open: { type: boolean }',
      '      code: { type: string }',
      '      database: output/orders.db',
      '      # primary_key: [order_id]',
    ])
      expect(text.split('\n')).toContain(line);
    expect(await load(project, 'orders')).toHaveLength(3);
  });

  it('writes a file that is valid as it is, and with its examples in use', async () => {
    const project = openProject();
    project.write('data/orders.csv', ORDERS.replaceAll(/,$/gm, ',x'));
    await init(project, 'data/orders.csv');
    expect(await project.flexetl('validate', 'orders')).toMatchObject({ exit: 0 });
    const text = readText(project.path('configs', 'orders.yaml'));
    const used = text
      .replace(/^( *)# (transformations:| {2}.*|mode: merge|primary_key.*)$/gm, '$1$2')
      .replace('      mode: replace\n', '');
    expect(used).toContain('\n  transformations:\n    - type: drop_nulls\n    - type: filter\n');
    expect(used).toContain('\n      mode: merge\n      primary_key: [order_id]\n');
    project.write('configs/orders.yaml', used);
    expect(await project.flexetl('validate', 'orders')).toMatchObject({ exit: 0, stderr: '' });
    expect(await load(project, 'orders')).toHaveLength(3);
  });

  it('takes names as they are: of columns, of files, with variables and quotes', async () => {
    const project = openProject();
    const names = [
      'a b',
      'true',
      '2024',
      '"q"',
      'x: y',
      '#c',
      '${HOME}',
      '__proto__',
      '<<',
      'ä',
      '- z',
      'l'.repeat(200),
    ];
    const header = names.map((name) => `"${name.replaceAll('"', '""')}"`).join(',');
    project.write('in/${SHOP} 7.csv', `${header}\n${names.map((_, index) => index).join(',')}\n`);
    const { pipeline, columns } = await init(project, 'in/${SHOP} 7.csv');
    expect([pipeline, columns.map(({ name }) => name)]).toEqual(['SHOP_7', names]);
    expect(await load(project, 'SHOP_7')).toEqual([names.map((_, index) => String(index))]);
  });

  it('finds the key among columns of many records, of two columns where no one is enough', async () => {
    const project = openProject();
    const lines = Array.from({ length: 200 }, (_, at) => `${at},${at % 20},${Math.floor(at / 20)},${at % 7}`);
    project.write('a.csv', `line,shop,day,cups\n${lines.join('\n')}\n`);
    project.write('b.csv', `shop,day,cups\n${lines.map((line) => line.replace(/^\d+,/, '')).join('\n')}\n`);
    project.write('c.csv', `amount,product_id\n${lines.map((_, at) => `${at},P${at}`).join('\n')}\n`);
    project.write('d.csv', `shop,cups\n1,2\n1,2\n`);
    const keys = [];
    for (const file of ['a.csv', 'b.csv', 'c.csv', 'd.csv']) keys.push((await init(project, file)).key);
    expect(keys).toEqual([['line'], ['shop', 'day'], ['product_id'], []]);
  });

  it.each([
    ['parquet', 'path: output/orders'],
    ['csv', 'path: output/orders.csv'],
  ])('writes a file for the target %s, which has files', async (to, option) => {
    const project = openProject();
    project.write('data/orders.csv', ORDERS);
    await init(project, 'data/orders.csv', '--to', to);
    const text = readText(project.path('configs', 'orders.yaml'));
    expect(text).toContain(`    - type: ${to}\n      ${option}\n`);
    expect(text).not.toContain('merge');
    const { targets } = await runPipeline(project.dir, 'configs/orders.yaml');
    expect(targets).toMatchObject([{ status: 'published', rows_loaded: 3 }]);
  });

  it('writes a file for a target that needs a secret, and says which', async () => {
    const project = openProject();
    project.write('data/orders.csv', ORDERS);
    const { exit, stderr } = await project.flexetl('init', 'data/orders.csv', '--to', 'postgresql');
    expect([exit, stderr]).toEqual([0, expect.stringContaining('DATABASE_URL')]);
    const env = { DATABASE_URL: await databaseFor('init') };
    await runPipeline(project.dir, 'configs/orders.yaml', { env });
    const found = await queryPostgresql(env.DATABASE_URL, 'SELECT order_id, price FROM orders ORDER BY 1');
    expect(found).toEqual([
      ['1', '3.40'],
      ['2', '12.50'],
      ['3', '3.40'],
    ]);
  });

  it('writes a file for a JSON file, with its form and the types of its values', async () => {
    const project = openProject();
    project.write('stock.json', '[{"sku": "00012", "price": 0.10}, {"sku": "00013", "price": 12.5}]');
    const { columns, key } = await init(project, 'stock.json');
    expect([columns.map(({ type }) => type), key]).toEqual([['string', 'decimal(18,2)'], ['sku']]);
    expect(readText(project.path('configs', 'stock.yaml'))).toContain('    format: array\n');
    expect(await load(project, 'stock')).toEqual([
      ['00012', '0.1'],
      ['00013', '12.5'],
    ]);
  });

  it('declares no types of a file that it has not read to its end', async () => {
    const project = openProject();
    const block = `${'x'.repeat(1000)},1\n`.repeat(1000);
    project.write('big.csv', `text,number\n${block.repeat(35)}`);
    const { complete, columns } = await init(project, 'big.csv');
    expect([complete, columns.map(({ type }) => type)]).toEqual([false, ['string', 'integer']]);
    const text = readText(project.path('configs', 'big.yaml'));
    expect(text).toContain('\n  # validation:\n  #   schema:\n  #     text: { type: string }\n');
    expect(await project.flexetl('validate', 'big')).toMatchObject({ exit: 0 });
  });

  it('says which records a run will refuse', async () => {
    const project = openProject();
    project.write('bad.csv', 'a,b\n1,2\n3,4,5\n');
    const { exit, stderr } = await project.flexetl('init', 'bad.csv');
    expect([exit, stderr]).toEqual([
      0,
      'warning: 1 record cannot be read: a run will be refused, and show them.\n',
    ]);
    expect(readText(project.path('configs', 'bad.yaml'))).toContain('# 1 record could not be read');
  });

  it('takes options where detection cannot decide, and writes them', async () => {
    const project = openProject();
    project.write('tie.csv', 'a,b;c\n1,2;3\n');
    expect(await project.flexetl('init', 'tie.csv')).toMatchObject({ exit: 3 });
    const set = ['source.delimiter=;', 'source.null_values=["", "n/a"]', 'target.table=other'];
    await init(project, 'tie.csv', ...set.flatMap((one) => ['--set', one]));
    const text = readText(project.path('configs', 'tie.yaml'));
    expect(text).toContain('    delimiter: ";"\n');
    expect(text).toContain('    null_values: ["","n/a"]\n');
    expect(text).toContain('      table: other\n');
    await runPipeline(project.dir, 'configs/tie.yaml');
    expect(readTable(project.path('output', 'tie.db'), 'other')).toEqual([['1,2', '3']]);
  });

  it('says why the target cannot take the rows', async () => {
    const project = openProject();
    const columns = Array.from({ length: 2001 }, (_, index) => `c${index}`);
    project.write('wide.csv', `${columns.join(',')}\n`);
    const { exit, stderr } = await project.flexetl('init', 'wide.csv');
    expect([exit, stderr]).toEqual([0, expect.stringContaining('a table in SQLite can have 2000')]);
  });

  it('takes a file without records, and a compressed one', async () => {
    const project = openProject();
    project.write('none.csv', 'a,b\n');
    project.write('packed.csv.gz', gzipSync(ORDERS));
    expect(await init(project, 'none.csv')).toMatchObject({ records: 0, key: [] });
    expect(await init(project, 'packed.csv.gz')).toMatchObject({ pipeline: 'packed', records: 3 });
    expect(await load(project, 'none')).toEqual([]);
    expect(await load(project, 'packed')).toHaveLength(3);
  });

  it('takes a path from the folder that it is called in, and writes it from the project', async () => {
    const project = openProject();
    project.write('configs/other.yaml', '');
    project.write('data/orders.csv', ORDERS);
    project.cwd = project.path('data');
    expect(await init(project, 'orders.csv')).toMatchObject({ file: 'configs/orders.yaml' });
    expect(readText(project.path('configs', 'orders.yaml'))).toContain('    path: data/orders.csv\n');
  });

  it('overwrites nothing', async () => {
    const project = openProject();
    project.write('data/orders.csv', ORDERS);
    project.write('configs/orders.yml', 'mine');
    const { exit, stderr } = await project.flexetl('init', 'data/orders.csv');
    expect([exit, stderr]).toEqual([
      2,
      expect.stringMatching(/^error USAGE: There is a pipeline "orders" in configs\//),
    ]);
    expect(existsSync(project.path('configs', 'orders.yaml'))).toBe(false);
    expect(await init(project, 'data/orders.csv', '--name', 'mine')).toMatchObject({
      file: 'configs/mine.yaml',
    });
  });

  it.each([
    [['data/none.csv'], 3, 'SOURCE_MISSING: There is no file data/none.csv'],
    [['data'], 2, 'USAGE: data is a folder, expected a data file.'],
    [['data/empty.csv'], 3, 'SOURCE_UNREADABLE: data/empty.csv'],
    [['data/###.csv'], 2, 'USAGE: data/###.csv gives no name for a pipeline'],
    [['data/a.csv', '--to', 'oracle'], 2, 'USAGE: There is no target "oracle" for --to.'],
    [['data/a.csv', '--set', 'scalability.x=1'], 2, 'CONFIG_INVALID: '],
    [['data/a.csv', '--set', 'owner=me'], 2, 'USAGE: --set owner=me is neither'],
    [['data/a.csv', '--name', '../a'], 2, 'CONFIG_INVALID: '],
  ])('refuses %j', async (argv, exit, message) => {
    const project = openProject();
    for (const name of ['a', '###']) project.write(`data/${name}.csv`, 'a\n1\n');
    project.write('data/empty.csv', '');
    const outcome = await project.flexetl('init', ...argv);
    expect([outcome.exit, outcome.stderr]).toEqual([exit, expect.stringContaining(`error ${message}`)]);
    expect(existsSync(project.path('configs'))).toBe(false);
  });
});
