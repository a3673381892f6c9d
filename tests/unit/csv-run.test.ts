import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeFolder } from '../support/folder';
import { readTable } from '../support/project';
import { runPipeline } from '../support/run-case';

const dir = makeFolder();

function write(path: string, bytes: string | Buffer): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), bytes);
}

/** A pipeline file from a CSV source to the table t of out.db. */
function pipeline(source: Record<string, unknown>, rest: Record<string, unknown> = {}): string {
  const target = { type: 'sqlite', database: 'out.db', table: 't', mode: 'replace' };
  const sections = Object.entries({ source: { type: 'csv', ...source }, target, ...rest });
  const lines = sections.map(([name, section]) => `  ${name}: ${JSON.stringify(section)}\n`);
  write('p.yaml', `version: '1.0'\npipeline:\n  name: p\n${lines.join('')}`);
  return 'p.yaml';
}

describe('a run from CSV files', () => {
  it('is that of the page about the source', async () => {
    const page = readFileSync(join(__dirname, '../../docs/sources/csv.md'), 'utf8');
    const block = (language: string): string =>
      new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? '';
    write('data/sales.csv', block('csv'));
    write('configs/sales.yaml', block('yaml'));
    await runPipeline(dir, 'configs/sales.yaml');
    const shown = [...page.matchAll(/^\| (\d) +\| (.*?) +\| (.*?) +\| (\d) +\|$/gm)].map(
      ([, ...cells]) => cells,
    );
    expect(shown).toHaveLength(3);
    const rows = readTable(join(dir, 'output/sales.db'), 'sales');
    const numbers = rows?.map(([no, day, price, paid]) => [
      no,
      day ?? '',
      price === null ? '' : Number(price).toFixed(2),
      paid,
    ]);
    expect(numbers).toEqual(shown);
  });

  it('takes all columns as text where that is asked', async () => {
    write('in.csv', 'zip,at,n\n1.10,2026-01-01 10:00:00+00,TRUE\n1.1,2026-01-01 10:00:00+05:30,1e5\n');
    await runPipeline(
      dir,
      pipeline({ path: 'in.csv' }, { validation: { schema: { '*': { type: 'string' } } } }),
    );
    expect(readTable(join(dir, 'out.db'), 't')).toEqual([
      ['1.10', '2026-01-01 10:00:00+00', 'TRUE'],
      ['1.1', '2026-01-01 10:00:00+05:30', '1e5'],
    ]);
  });

  it('says what it proposes for columns that are not declared, and applies nothing', async () => {
    write('in.csv', 'a,b,c\n1,31.12.2026,NA\n2,01.02.2026,7\n');
    const schema = { c: { type: 'string' } };
    const { plan } = await runPipeline(dir, pipeline({ path: 'in.csv' }, { validation: { schema } }));
    expect(plan?.warnings).toEqual([
      'Column b is read as text. If the values are meant so, set in the source date_format: "%d.%m.%Y".',
    ]);
    expect(readTable(join(dir, 'out.db'), 't')?.[0]).toEqual(['1', '31.12.2026', 'NA']);
  });

  it('reads floats with exponents, and texts of identifiers beside them stay text', async () => {
    write('in.csv', 'x,id\n1e-05,1e5\n0.25,9007199254740993\n-1.5E+300,3\n');
    await runPipeline(dir, pipeline({ path: 'in.csv' }));
    const rows = readTable(join(dir, 'out.db'), 't')?.map(([x, id]) => [Number(x), id]);
    expect(rows).toEqual([
      [1e-5, '1e5'],
      [0.25, '9007199254740993'],
      [-1.5e300, '3'],
    ]);
  });

  it.each<[string, () => void, string, RegExp]>([
    [
      'a truncated .gz',
      () => write('bad/a.csv.gz', gzipSync('a\n'.repeat(9999)).subarray(0, 40)),
      'SOURCE_UNREADABLE',
      /^bad\/a\.csv\.gz is not a complete gzip file/,
    ],
    [
      'a picture',
      () => write('bad/a.csv', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')),
      'SOURCE_UNREADABLE',
      /^bad\/a\.csv is a PNG image, not text/,
    ],
    [
      'a loop of links',
      () => symlinkSync('a.csv', join(dir, 'bad/a.csv')),
      'SOURCE_UNREADABLE',
      /^bad\/a\.csv cannot be opened: ELOOP/,
    ],
    ['an empty file', () => write('bad/a.csv', ''), 'SOURCE_UNREADABLE', /^bad\/a\.csv is empty/],
    ['no file', () => undefined, 'SOURCE_MISSING', /^There is no file bad\/a\.csv/],
  ])('ends before anything is written: %s', async (_title, make, code, message) => {
    write('in.csv', 'a\n1\n');
    await runPipeline(dir, pipeline({ path: 'in.csv' }));
    rmSync(join(dir, 'bad'), { recursive: true, force: true });
    mkdirSync(join(dir, 'bad'));
    make();
    const path = existsSync(join(dir, 'bad/a.csv.gz')) ? 'bad/a.csv.gz' : 'bad/a.csv';
    await expect(runPipeline(dir, pipeline({ path }))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(readTable(join(dir, 'out.db'), 't')).toEqual([['1']]);
  });
});
