/** `flexetl test`: fixtures of pipelines through the engine, without a server. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeProjects, openProject, type Project } from '../support/project';
import { SALES_JOB } from '../support/sales';

let project: Project;
beforeEach(() => {
  project = openProject();
  project.configure(SALES_JOB);
  // No server is needed.
  project.env['TEMPORAL_ADDRESS'] = '127.0.0.1:9';
});
afterEach(closeProjects);

const RECORD = '{date: 2026-01-01, product_id: P1, product_name: Lamp, quantity: 2, unit_price: "0.10"}';
const writeTests = (tests: string): string =>
  project.write(`configs/${project.name}.test.yaml`, `version: "1.0"\ntests:\n${tests}`);

describe('flexetl test', () => {
  it('runs the tests of all pipelines, and writes to no target', async () => {
    writeTests(`  - name: sums
    given: {rows: [${RECORD}, ${RECORD}]}
    expect: {rows: [{product_id: P1, total_quantity: 4, total_revenue: 0.4}]}
`);
    expect(await project.flexetl('test')).toEqual({
      exit: 0,
      stdout: `${project.name}\n  ✔ sums\n\n1 test: 1 passed, 0 failed\n`,
      stderr: '',
    });
    expect(existsSync(project.path('output'))).toBe(false);
    expect(existsSync(project.path('.flexetl'))).toBe(false);
    expect((await project.flexetl('validate', '--all')).stdout).toBe(`✔ ${project.name} is valid\n`);
  });

  it('shows what differs, with exit 1; also of tests that expect nothing', async () => {
    writeTests(`  - name: sums
    given: {rows: [${RECORD}]}
    expect: {rows: [{total_quantity: 3}]}
  - name: nothing
    given: {rows: [${RECORD}]}
`);
    const { exit, stdout } = await project.flexetl('test', project.name);
    expect(exit).toBe(1);
    expect(stdout).toContain(
      '  ✘ sums\n      - expected  total_quantity 3\n      + found     total_quantity 2\n',
    );
    expect(stdout).toContain('2 tests: 0 passed, 2 failed');
    const json = await project.flexetl('test', project.name, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject([{ test: 'sums', passed: false }, { test: 'nothing' }]);
  });

  it('records what came out where nothing is expected, also rejects', async () => {
    const file = writeTests(`  - name: text # as in the file
    given:
      text: |
        date,product_id,product_name,quantity,unit_price
        2026-01-01,P1,Lamp,two,0.10
`);
    const { exit, stdout, stderr } = await project.flexetl('test', '--record');
    expect([exit, stdout]).toEqual([
      0,
      `${project.name}\n  ✔ text # as in the file (recorded)\n\n1 test: 1 passed, 0 failed\n`.replace(
        ' # as in the file',
        '',
      ),
    ]);
    expect(stderr).toContain('Check that it is right.');
    const written = readFileSync(file, 'utf8');
    expect(written).toContain('# as in the file');
    expect(written).toMatch(/rejects:\n +- record: 1\n +column: quantity\n +rule: type\n +value: two/);
    expect((await project.flexetl('test')).exit).toBe(0);
  });

  it('passes the tests of the example, and those of docs/testing.md', async () => {
    const root = join(__dirname, '..', '..');
    const read = (path: string): string => readFileSync(join(root, path), 'utf8');
    const example = project.write('configs/sales.test.yaml', read('configs/sales.test.yaml'));
    project.write('configs/sales.yaml', read('configs/sales.yaml'));
    expect(await project.flexetl('test', 'sales')).toMatchObject({ exit: 0 });
    const [, block = ''] = /```yaml\n(.*?)```/s.exec(read('docs/testing.md')) ?? [];
    expect(block).toContain('given:');
    writeFileSync(example, block);
    expect(await project.flexetl('test', 'sales')).toMatchObject({ exit: 0 });
  });

  // What is left in the temporary folder fails the whole run of the tests.
  it('has the variables of the test file, and leaves nothing where the pipeline file is invalid', async () => {
    const source = { type: 'csv', path: '${NOWHERE_SET}' };
    project.configure({ ...SALES_JOB, source });
    writeTests(`  - {name: sums, given: {rows: [${RECORD}]}, expect: {rows: [{total_quantity: 2}]}}\n`);
    const invalid = await project.flexetl('test');
    expect([invalid.exit, invalid.stderr]).toEqual([2, expect.stringContaining('NOWHERE_SET')]);
    const file = project.path('configs', `${project.name}.test.yaml`);
    writeFileSync(file, `env: {NOWHERE_SET: data/x.csv}\n${readFileSync(file, 'utf8')}`);
    expect(await project.flexetl('test')).toMatchObject({ exit: 0 });
  });

  it('says how to begin where there are no tests', async () => {
    const all = await project.flexetl('test');
    expect([all.exit, all.stderr]).toEqual([
      0,
      expect.stringContaining(`write configs/${project.name}.test.yaml`),
    ]);
    const one = await project.flexetl('test', project.name);
    expect([one.exit, one.stderr]).toEqual([2, expect.stringContaining('has no tests')]);
  });
});
