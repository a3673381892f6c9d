import { appendFileSync, writeFileSync } from 'node:fs';
import { closeProjects, openProject, type Project } from '../support/project';

const OUT = '/tmp/bad-input-out.txt';
writeFileSync(OUT, '');
afterEach(closeProjects);

const csvCase = (content: string | Buffer, sections: Record<string, unknown> = {}) => (p: Project) => {
  p.write('data/input.csv', content);
  p.configure(sections);
};
const schema = (s: Record<string, unknown>) => ({ validation: { schema: s } });
const cases: Record<string, (p: Project) => void | string[] | Promise<void | string[]>> = {
  missing: (p) => { p.write('data/imput.csv', 'a\n1\n'); p.configure(); },
  'no folder': (p) => p.configure(),
  'dir without': (p) => { p.write('data/input.csv/readme.txt', 'a'); p.configure(); },
  empty: csvCase(''),
  'only bom': csvCase('\ufeff'),
  'only newline': csvCase('\n\n'),
  'header only': csvCase('a,b\n'),
  'header only no newline': csvCase('a,b', schema({ a: { type: 'integer' } })),
  'column lacks': csvCase('date,quantity\n2026-01-01,1\n', { transformations: [{ type: 'filter', column: 'quantiy', operator: '>', value: 0 }] }),
  'column lacks schema': csvCase('date,quantity\n2026-01-01,1\n', schema({ quantiy: { type: 'integer' } })),
  'column lacks expression': csvCase('date,quantity\n2026-01-01,1\n', { transformations: [{ type: 'aggregate', group_by: ['date'], aggregations: { q: 'sum(quantiy)' } }] }),
  'dup header': csvCase('a,b,A\n1,2,3\n'),
  'empty header': csvCase('a,,c\n1,2,3\n'),
  proto: csvCase('a,__proto__\n1,2\n'),
  'text in number': csvCase('id,q\na,1\nb,two\nc,3\n', schema({ q: { type: 'integer' } })),
  many: csvCase('id,q\n' + Array.from({ length: 50 }, (_, i) => `${i},x${i}\n`).join(''), schema({ q: { type: 'integer' } })),
  places: csvCase('id,q\n1,"a\nb"\n2,8.7\n3,1_000\n', schema({ q: { type: 'integer' } })),
  decimal: csvCase('p\n1.005\n12345.67\n', schema({ p: { type: 'decimal(5,2)' } })),
  'undeclared text': csvCase('q\n1\n2\n', { transformations: [{ type: 'aggregate', group_by: [], aggregations: { s: 'sum(q)' } }], }),
  overflow: csvCase('q\n9223372036854775807\n1\n', { transformations: [{ type: 'aggregate', group_by: [], aggregations: { s: 'sum(q)' } }], }),
  'unclosed quote': csvCase('a,b\n1,"x\n2,y\n'),
  'short record': csvCase('a,b\n1\n2,y\n3,4,5\n'),
  'not utf8': csvCase(Buffer.from([0x61, 0x0a, 0xff, 0x0a])),
  'bad out': (p) => { p.write('data/input.csv', 'a\n1\n'); p.write('output', 'file'); p.configure(); },
  'bad logs': (p) => { p.write('data/input.csv', 'a\n1\n'); p.write('logs', 'file'); p.configure(); },
  'bad staging': (p) => { p.write('data/input.csv', 'a\n1\n'); p.write('.flexetl', 'file'); p.configure(); },
  'bad proc': (p) => { p.write('data/input.csv', 'a\n1\n'); p.configure({ targets: [{ type: 'sqlite', database: '/proc/out/out.db', table: 'result' }] }); },
  'not db': (p) => { p.write('data/input.csv', 'a\n1\n'); p.write('output/out.db', 'this is no database, it is a text of some length'.repeat(50)); p.configure(); },
  'no answer': (p) => { p.write('data/input.csv', 'a\n1\n'); p.env['TEMPORAL_ADDRESS'] = '127.0.0.1:9'; p.configure(); },
  yaml: (p) => { p.write(`configs/${p.name}.yaml`, 'version: "1.0"\npipeline:\n  name: [a\n  source: x\n'); },
  unknown: csvCase('a\n1\n', { sorce: 1, transformations: [{ type: 'filtr' }, { type: 'aggregate', aggregations: { x: 'summ(a)', y: 'sum(a' } }] }),
  env: csvCase('a\n1\n', { source: { type: 'csv', path: '${NO_SUCH_PATH:?where the sales are}' } }),
  version: (p) => { p.write(`configs/${p.name}.yaml`, `version: "2.0"\npipeline: {name: ${p.name}, source: {type: csv, path: x}, target: {type: sqlite, database: a, table: b}}\n`); },
  inject: csvCase('a\n1\n', { targets: [{ type: 'sqlite', database: 'output/out.db', table: 'x"; DROP TABLE y; --' }] }),
};

it.each(Object.keys(cases))('%s', async (name) => {
  const p = openProject();
  await cases[name]?.(p);
  const started = Date.now();
  const o = await p.flexetl('run', p.name);
  appendFileSync(OUT, `##### ${name}: exit ${o.exit} ${Date.now() - started} ms\n-- out\n${o.stdout}-- err\n${o.stderr}-- rows ${JSON.stringify(p.rows())} left ${JSON.stringify(p.leftovers())}\n`);
});
