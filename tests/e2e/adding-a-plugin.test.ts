/** The plugins of docs/adding-a-plugin.md, as a user builds and runs them. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import ts from 'typescript';
import { loadPluginModules } from '../../runtime/plugin-modules';
import type { Plugins } from '../../pipeline/config/schema';
import { STRING } from '../../pipeline/types';
import type { Source } from '../../plugin/source';
import type { Target } from '../../plugin/target';
import { withDuckdb } from '../../runtime/duckdb';
import { folderCase } from '../conformance/target-cases';
import { brokenLaws as brokenCheckLaws } from '../support/check-laws';
import { makeFolder } from '../support/folder';
import { closeProjects, openProject, reportOf, type Project } from '../support/project';
import { brokenLaws as brokenSourceLaws } from '../support/source-laws';
import { openSandbox } from '../support/source-sandbox';
import { brokenTargetLaws } from '../support/target-laws';
import { brokenLaws as brokenTransformLaws } from '../support/transform-laws';
import type { TextRow } from '../support/parts';

const PACKAGE = join(__dirname, '..', '..');
const PAGE = readFileSync(join(PACKAGE, 'docs/adding-a-plugin.md'), 'utf8');

/** The modules of the page, by their paths. */
const MODULES = new Map(
  [...PAGE.matchAll(/^`(plugins\/[a-z-]+\.ts)`[^`]*?```ts\n([\s\S]*?)^```$/gm)].map(
    ([, path = '', code = '']) => [path, code],
  ),
);
const [PIPELINE = ''] = [...PAGE.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => text);

const PAGES = [
  [
    { id: 1, customer: ' Ann ', status: 'paid', total: '10.50' },
    { id: 2, customer: 'Bo', status: 'cancelled', total: '0.10' },
  ],
  [
    { id: 3, customer: 'Cy  ', status: 'paid', total: '7' },
    { id: 4, customer: null, status: 'paid', total: '12345678901234567.25' },
  ],
];

let project: Project;
let plugins: Plugins;
beforeAll(() => {
  project = openProject();
  for (const [path, code] of MODULES) project.write(path, code);
  mkdirSync(project.path('node_modules'));
  symlinkSync(PACKAGE, project.path('node_modules/flexetl'));
  symlinkSync(join(PACKAGE, 'node_modules/@types'), project.path('node_modules/@types'));
  PAGES.forEach((page, index) => project.write(`data/pages/${index + 1}.json`, JSON.stringify(page)));
  project.write('configs/shop.yaml', PIPELINE);
});
afterAll(closeProjects);

it('are four modules of under 100 lines, which import only the contract', () => {
  expect([...MODULES.keys()]).toHaveLength(4);
  for (const [path, code] of MODULES) {
    expect([path, code.split('\n').length]).toEqual([path, expect.any(Number)]);
    expect(code.split('\n').length).toBeLessThan(100);
    const imports = [...code.matchAll(/from '([^']+)'/g)].map(([, from = '']) => from);
    expect(imports.filter((from) => !/^(node:|flexetl\/plugin(\/sql|\/files)?$)/.test(from))).toEqual([]);
  }
});

it('compile with the options that the page names, without a word', () => {
  const [, words = ''] = /`npx tsc (.*) plugins\/\*\.ts`/.exec(PAGE) ?? [];
  const { options, errors } = ts.parseCommandLine(words.split(' '));
  expect({ errors, strict: options.strict }).toEqual({ errors: [], strict: true });
  const program = ts.createProgram({
    rootNames: [...MODULES.keys()].map((path) => project.path(path)),
    options: { ...options, typeRoots: [project.path('node_modules/@types')] },
  });
  const said = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  expect(said.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
  const modules = readdirSync(project.path('plugins')).filter((name) => name.endsWith('.js'));
  const none: Plugins = { sources: [], targets: [], transforms: [], checks: [] };
  const loaded = loadPluginModules(
    modules.map((name) => `./plugins/${name}`),
    none,
    project.dir,
  );
  expect(loaded.problems).toEqual([]);
  plugins = loaded.plugins;
});

describe('keep the laws of their kind:', () => {
  it('the source', async () => {
    const sandbox = openSandbox(makeFolder());
    PAGES.forEach((page, index) => sandbox.write(`pages/${index + 1}.json`, JSON.stringify(page)));
    const rows = PAGES.flat().map((one) => Object.values(one).map((value) => value && String(value)));
    const source = plugins.sources[0] as Source<object>;
    const given = { source, options: { folder: 'pages' }, project: sandbox, sizes: [1, 500], rows };
    const broken = await withDuckdb({ dir: sandbox.dir, memoryMb: 200 }, (db) =>
      brokenSourceLaws(given as never, db),
    );
    expect(broken).toEqual([]);
  });

  it('the target', async () => {
    const target = plugins.targets[0] as Target<unknown>;
    const readFiles = (paths: readonly string[]): Promise<TextRow[]> => {
      const lines = paths.flatMap((path) => readFileSync(path, 'utf8').split('\n').slice(0, -1));
      const row = (line: string): TextRow =>
        Object.values(JSON.parse(line) as Record<string, unknown>).map((value) =>
          value === null ? null : String(value as string),
        );
      return Promise.resolve(lines.map(row));
    };
    expect(await brokenTargetLaws({ target, ...folderCase(readFiles) })).toEqual([]);
  });

  it('the transform', async () => {
    const step = { type: 'trim', columns: ['name'] };
    expect(await brokenTransformLaws({ step, also: plugins.transforms })).toEqual([]);
  });

  it('the check', async () => {
    const schema = [{ name: 'status', type: STRING }];
    const part = fc.array(
      fc.constantFrom('a', 'b', null).map((text) => [text]),
      { maxLength: 9 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 4 }), async (parts) => {
        const options = { column: 'status', value: 'a', max_percent: 40 };
        const [check] = plugins.checks;
        expect(check && (await brokenCheckLaws({ check, options, schema, parts }))).toEqual([]);
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });
});

describe('in the pipeline of the page', () => {
  it('are listed by plan, with their files', async () => {
    const { exit, stdout } = await project.flexetl('plan', 'shop', '--json');
    expect([exit, (JSON.parse(stdout) as { plugins: unknown }).plugins]).toEqual([
      0,
      expect.arrayContaining([
        { module: './plugins/shop-pages.js', kind: 'source', type: 'shop_pages' },
        { module: './plugins/trim.js', kind: 'transform', type: 'trim' },
        { module: './plugins/value-share.js', kind: 'check', type: 'value_share' },
        { module: './plugins/jsonl.js', kind: 'target', type: 'jsonl' },
      ]),
    ]);
  });

  it('do their work', async () => {
    const report = reportOf(await project.flexetl('run', 'shop', '--json'));
    expect(report).toMatchObject({ status: 'succeeded', balanced: true, rows: { read: 4, output: 4 } });
    const files = readdirSync(project.path('output/orders')).filter((name) => name.endsWith('.jsonl'));
    const lines = files.flatMap((name) =>
      readFileSync(project.path('output/orders', name), 'utf8').split('\n').slice(0, -1),
    );
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { id: 1, customer: 'Ann', status: 'paid', total: '10.50' },
      { id: 2, customer: 'Bo', status: 'cancelled', total: '0.10' },
      { id: 3, customer: 'Cy', status: 'paid', total: '7.00' },
      { id: 4, customer: null, status: 'paid', total: '12345678901234567.25' },
    ]);
  });

  it('end it as the page says: a check that fails, and an error of their own', async () => {
    const failing = await project.flexetl(
      'run',
      'shop',
      '--json',
      '--set',
      'validation.quality_checks.0.max_percent=20',
    );
    expect(failing.exit).toBe(1);
    expect(failing.stderr).toContain('value_share: status is cancelled in 1 of 4 rows, the maximum is 20 %');
    writeFileSync(project.path('data/pages/3.json'), '{"error": "busy"}');
    const broken = await project.flexetl('run', 'shop', '--json');
    expect([broken.exit, broken.stderr]).toEqual([
      3,
      expect.stringContaining('error SOURCE_UNREADABLE: ') as string,
    ]);
    expect(broken.stderr).toContain('3.json is not an array of objects.\nExport the shop again.');
  });
});
