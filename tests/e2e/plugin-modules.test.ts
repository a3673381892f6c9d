/** A transform of a user's own, from a module in the project folder, through all commands. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { closeProjects, openProject, reportOf, type Project } from '../support/project';
import { expectError } from '../support/refusal';

const PACKAGE = join(__dirname, '..', '..');
const SHOUT = `defineTransform({
  type: 'shout',
  description: 'Writes a column in capitals.',
  options: z.strictObject({ column: z.string().describe('A column of texts.') }),
  plan: ({ column }, schema) => ({
    schema,
    scope: 'row',
    columnsRead: (outputs) => outputs,
    select: (input, columns) =>
      columns.has(column) ? \`SELECT * REPLACE (upper("\${column}") AS "\${column}") FROM \${input}\` : \`SELECT * FROM \${input}\`,
  }),
})`;
const COMMONJS = `const { defineTransform, z } = require(${JSON.stringify(join(PACKAGE, 'dist/plugin'))});
exports.shout = ${SHOUT};
`;

let project: Project;
beforeEach(() => {
  project = openProject();
  project.write('data/input.csv', 'id,name\n1,lamp\n2,desk\n');
  project.write('plugins/shout.js', COMMONJS);
  project.configure({
    plugins: ['./plugins/shout.js'],
    transformations: [{ type: 'shout', column: 'name' }],
  });
});
afterEach(closeProjects);

describe("a module of the project's own", () => {
  it('is there for validate, plan, preview and run', async () => {
    expect(await project.flexetl('validate', project.name)).toMatchObject({ exit: 0, stderr: '' });
    const plan = await project.flexetl('plan', project.name, '--json');
    expect(JSON.parse(plan.stdout)).toMatchObject({
      transformations: [{ type: 'shout', scope: 'row' }],
      sql: expect.arrayContaining([expect.stringContaining('upper("name")')]) as string[],
    });
    const preview = await project.flexetl('preview', project.name, '--json');
    expect(JSON.parse(preview.stdout)).toMatchObject({
      rows: [
        { id: '1', name: 'LAMP' },
        { id: '2', name: 'DESK' },
      ],
    });
    const report = reportOf(await project.flexetl('run', project.name, '--json'));
    expect(report).toMatchObject({
      status: 'succeeded',
      balanced: true,
      transforms: [{ type: 'shout', rows_in: 2, rows_out: 2 }],
    });
    expect(project.rows()).toEqual([
      ['1', 'LAMP'],
      ['2', 'DESK'],
    ]);
  });

  it('has its options checked, and its problems told with their places', async () => {
    project.configure({
      plugins: ['./plugins/shout.js', './none.js'],
      transformations: [{ type: 'shout', colum: 'name' }, { type: 'shuot' }],
    });
    expectError(await project.flexetl('plan', project.name, '--json'), {
      exit: 2,
      code: 'CONFIG_INVALID',
      says: [
        /\.yaml:\d+:\d+ \S*plugins\.1: \.\/none\.js: the project has no such file\./,
        /transformations\.0\.colum: unknown key\. Did you mean "column"\?/,
        /transformations\.1\.type: unknown type "shuot", expected one of .*, shout\. Did you mean "shout"\?/,
      ],
    });
  });

  it('may be an ES module', async () => {
    project.write(
      'plugins/shout.mjs',
      `import flexetl from ${JSON.stringify(join(PACKAGE, 'dist/plugin/index.js'))};
const { defineTransform, z } = flexetl;
export const shout = ${SHOUT};
`,
    );
    const set = 'plugins=["./plugins/shout.mjs"]';
    const outcome = await project.start('preview', project.name, '--json', '--set', set).ended();
    expect({ exit: outcome.exit, stderr: outcome.stderr }).toEqual({
      exit: 0,
      stderr: 'From all 2 records of the source.\n',
    });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ rows: [{ name: 'LAMP' }, { name: 'DESK' }] });
  });

  it('is loaded again when its file has changed, in the same process', () => {
    const script = `
const fs = require('node:fs');
const { loadPluginModules } = require(${JSON.stringify(join(PACKAGE, 'dist/runtime/plugin-modules.js'))});
const none = { sources: [], targets: [], transforms: [], checks: [] };
const types = () => {
  const { plugins, problems } = loadPluginModules(['./m.js'], none, process.cwd());
  return [...plugins.transforms.map(({ type }) => type), ...problems.map(({ message }) => message)];
};
const write = (text, time) => { fs.writeFileSync('m.js', text); fs.utimesSync('m.js', time, time); };
const text = fs.readFileSync('plugins/shout.js', 'utf8');
write(text, 1);
const seen = [types(), types()];
write('throw new Error("not yet")', 2);
seen.push(types());
write(text.replace("'shout'", "'cry'"), 3);
seen.push(types());
console.log(JSON.stringify(seen));
`;
    const said = execFileSync(process.execPath, ['-e', script], { cwd: project.dir }).toString();
    expect(JSON.parse(said)).toEqual([
      ['shout'],
      ['shout'],
      ['./m.js: it cannot be loaded: not yet'],
      ['cry'],
    ]);
  });

  it('finds flexetl/plugin where FlexETL is installed', () => {
    const entries = ['', '/sql', '/files'].map(
      (entry) => `...Object.keys(require('flexetl/plugin${entry}'))`,
    );
    const script = `console.log([${entries.join()}].join())`;
    const said = execFileSync(process.execPath, ['-e', script], { cwd: PACKAGE }).toString().trim();
    expect(said.split(',')).toEqual(
      expect.arrayContaining([
        'defineSource',
        'defineTarget',
        'defineTransform',
        'defineCheck',
        'secret',
        'z',
        'FlexetlError',
        'sqlTarget',
        'fileTarget',
      ]),
    );
  });
});
