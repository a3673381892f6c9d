import { existsSync } from 'node:fs';
import { closeProjects, openProject, readTable, type Project } from '../support/project';
import { expectRefusal } from '../support/refusal';

let project: Project;
let file: string;
beforeEach(() => {
  project = openProject();
  file = `configs/${project.name}.yaml`;
  project.write('data/input.csv', 'date,quantity,price\n2026-01-01,2,0.5\n');
});
afterEach(closeProjects);

const refused = (...says: (string | RegExp)[]) => ({ exit: 2, code: 'CONFIG_INVALID' as const, says });

describe('a pipeline file that is wrong', () => {
  // Nothing of a project may be touched before its pipeline is known to be good.
  afterEach(() => {
    for (const made of ['.flexetl', 'logs', 'output']) expect(existsSync(project.path(made))).toBe(false);
  });

  it('is not there: the one that was probably meant is named', async () => {
    project.configure();
    const typo = project.name.replace('sales', 'slaes');
    await expectRefusal(
      project,
      refused(`There is no pipeline "${typo}"`, `Did you mean "${project.name}"?`),
      ['run', typo],
    );
  });

  it('is not there: its path is named', async () => {
    await expectRefusal(project, refused('nowhere/x.yaml: the file does not exist.'), [
      'run',
      '--config',
      'nowhere/x.yaml',
    ]);
  });

  it('has keys that are unknown, all of them told at once with their places', async () => {
    project.write(
      file,
      `version: "1.0"
pipeline:
  name: ${project.name}
  sorce: {type: csv, path: data/input.csv}
  source: {type: csv, path: data/input.csv, delimeter: ";"}
  targets:
    - {type: sqlite, database: output/out.db, tabel: result, table: result}
`,
    );
    await expectRefusal(
      project,
      refused(
        `${file}:4:3 pipeline.sorce: unknown key. Did you mean "source"?`,
        `${file}:5:45 pipeline.source.delimeter: unknown key. Did you mean "delimiter"?`,
        `${file}:7:47 pipeline.targets.0.tabel: unknown key. Did you mean "table"?`,
      ),
    );
  });

  it('has another version', async () => {
    project.write(file, `version: "2.0"\nname: ${project.name}\nsource: {type: csv, path: x}\ntarget: {}\n`);
    await expectRefusal(
      project,
      refused(`${file}:1:10 version: found "2.0", expected "1.0", the only version.`),
    );
  });

  it('has transforms, sources and targets that are unknown', async () => {
    project.configure({
      source: { type: 'cvs', path: 'data/input.csv' },
      transformations: [{ type: 'filtr', column: 'quantity', operator: '>', value: 0 }],
      targets: [{ type: 'sqllite', database: 'output/out.db', table: 'result' }],
    });
    await expectRefusal(
      project,
      refused(
        /pipeline\.source\.type: unknown type "cvs", expected one of .*csv.*\. Did you mean "csv"\?/,
        /pipeline\.transformations\.0\.type: unknown type "filtr", expected one of .*filter.*\. Did you mean "filter"\?/,
        /pipeline\.targets\.0\.type: unknown type "sqllite", .* Did you mean "sqlite"\?/,
      ),
    );
  });

  it('has expressions with unknown functions and broken syntax, with the place in each', async () => {
    const aggregations = { a: 'summ(quantity)', b: 'sum(quantity', c: 'sum(quantity *)', d: 'first(;)' };
    project.configure({ transformations: [{ type: 'aggregate', group_by: ['date'], aggregations }] });
    const at = 'pipeline.transformations.0.aggregations';
    await expectRefusal(
      project,
      refused(
        `${at}.a: There is no function "summ" here, at character 1 of the expression \`summ(quantity)\`. Did you mean "sum"?`,
        `${at}.b: A bracket is not closed, at character 13`,
        new RegExp(`${file}:\\d+:\\d+ ${at}\\.c: .*at character 15`),
        new RegExp(`${at}\\.d: .*at character \\d+ of the expression`),
      ),
    );
  });

  it('is no YAML', async () => {
    project.write(file, 'version: "1.0"\npipeline:\n  name: [a\n  source: x\n');
    await expectRefusal(project, refused(`${file}:4:3 not valid YAML: `));
    project.write(file, 'version: "1.0"\nversion: "1.0"\n');
    await expectRefusal(project, refused(`${file}:2:1 this key is written twice`));
    project.write(file, '\tversion: 1\n');
    await expectRefusal(project, refused(`${file}:1:1 found a tab, expected spaces`));
    project.write(file, '');
    await expectRefusal(project, refused(`${file}:1:1 `));
  });

  it('needs a variable that is not set', async () => {
    project.configure({ source: { type: 'csv', path: '${SALES_FILE:?where the sales are}' } });
    await expectRefusal(
      project,
      refused(
        /:\d+:\d+ pipeline\.source\.path: the environment variable SALES_FILE is not set: where the sales are\./,
      ),
    );
    project.configure({ source: { type: 'csv', path: '${SALES_FILE}' } });
    await expectRefusal(
      project,
      refused('the environment variable SALES_FILE is not set. Set it, or give a default'),
    );
  });

  it.each(['sqlite_master', '_flexetl_loads', ''])('names a table %j', async (table) => {
    project.configure({ targets: [{ type: 'sqlite', database: 'output/out.db', table }] });
    await expectRefusal(project, refused(/:\d+:\d+ pipeline\.targets\.0\.table: found /));
  });

  it('has a --set that leads nowhere', async () => {
    project.configure();
    const run = ['run', project.name, '--set'];
    await expectRefusal(project, refused('--set sourcepath: expected key=value'), [...run, 'sourcepath']);
    await expectRefusal(project, refused('--set source.pth', 'Did you mean "path"?'), [
      ...run,
      'source.pth=x',
    ]);
  });
});

describe('SQL', () => {
  const evil = `x'); DROP TABLE "result"; --`;

  it('in literals is text', async () => {
    project.write('data/input.csv', `id,note\n1,"${evil.replaceAll('"', '""')}"\n2,plain\n`);
    project.configure({
      transformations: [
        { type: 'filter', column: 'note', operator: 'in', value: [evil, '%', "' OR 1=1 --"] },
        { type: 'derive', columns: { copy: `concat(note, '"; DROP TABLE result; --')` } },
      ],
    });
    expect(await project.flexetl('run', project.name)).toMatchObject({ exit: 0 });
    expect(project.rows()).toEqual([['1', evil, `${evil}"; DROP TABLE result; --`]]);
  });

  it('in names of columns is a name', async () => {
    const column = 'a"; DROP TABLE result; --';
    project.write('data/input.csv', `id,"${column.replaceAll('"', '""')}"\n1,x\n`);
    project.configure({ transformations: [{ type: 'rename', columns: { id: "i'd); --" } }] });
    expect(await project.flexetl('run', project.name)).toMatchObject({ exit: 0 });
    expect(project.rows()).toEqual([['1', 'x']]);
  });

  it.each(['result"; DROP TABLE result; --', "x'); DELETE FROM result; --"])(
    'in the name of a table is a name: %s',
    async (table) => {
      project.configure();
      expect(await project.flexetl('run', project.name)).toMatchObject({ exit: 0 });
      const before = project.rows();
      expect(before).not.toEqual([]);
      project.configure({ targets: [{ type: 'sqlite', database: 'output/out.db', table }] });
      expect(await project.flexetl('run', project.name)).toMatchObject({ exit: 0 });
      expect([project.rows(), project.rows(table)]).toEqual([before, before]);
    },
  );

  it('in paths reads and writes the file of that name', async () => {
    const name = `it's "data"; --`;
    project.write(`data/${name}.csv`, 'id\n1\n');
    project.configure({
      source: { type: 'csv', path: `data/${name}.csv` },
      targets: [{ type: 'sqlite', database: `output/${name}.db`, table: 'result' }],
    });
    expect(await project.flexetl('run', project.name)).toMatchObject({ exit: 0 });
    expect(readTable(project.path('output', `${name}.db`), 'result')).toEqual([['1']]);
  });
});
