/** Values from configs/defaults.yaml and from environments: what comes first, and where it is from. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveConfig } from '../../engine/resolve-config';
import { parsePipeline, type PipelineText } from '../../pipeline/config/parse';
import { FlexetlError } from '../../pipeline/errors';
import { PLUGINS as plugins } from '../../worker/plugins';
import { createTestDeps } from '../support/engine';
import { makeFolder } from '../support/folder';

const FILE = `version: "1.0"
pipeline:
  name: sales
  source: { type: csv, path: data/sales.csv, encoding: utf-8 }
  target: { type: sqlite, database: output/dev.db, table: sales }
environments:
  dev: {}
  prod:
    source: { path: "/srv/\${FLEXETL_ENV}/\${REGION}.csv" }
    target: { database: /srv/sales.db }
    scalability: { processing: { parallel_workers: 4 } }
`;

const DEFAULTS = `# of all pipelines
owner: data@example.com
tags: [daily]
scalability:
  processing: { parallel_workers: 1, chunk_size: 7 }
fault_tolerance: { retry: { max_attempts: 9 } }
environments:
  prod: { owner: ops@example.com }
`;

function parse(environment?: string, text = FILE, defaults = DEFAULTS, more: Partial<PipelineText> = {}) {
  const env = { REGION: 'north' };
  const files = {
    text,
    file: 'configs/sales.yaml',
    defaults: { text: defaults, file: 'configs/defaults.yaml' },
  };
  return parsePipeline({ env, plugins, environment, ...files, ...more });
}

function refusal(...given: Parameters<typeof parse>): string {
  try {
    parse(...given);
  } catch (error) {
    if (error instanceof FlexetlError) return error.message;
  }
  throw new Error('No refusal.');
}

const use = (type: string, options: object) =>
  expect.objectContaining({ type, options: expect.objectContaining(options) });

describe('a pipeline file with defaults and environments', () => {
  it('has the defaults where it says nothing, merged by key, and lists as a whole', () => {
    const { config } = parse();
    expect(config).toMatchObject({ owner: 'data@example.com', tags: ['daily'] });
    expect(config.scalability.processing).toMatchObject({ parallel_workers: 1, chunk_size: 7 });
    expect(config.fault_tolerance.retry.max_attempts).toBe(9);
    const own = FILE.replace(
      'name: sales',
      'name: sales\n  tags: [hourly]\n  scalability: { processing: { chunk_size: 3 } }',
    );
    const changed = parse(undefined, own).config;
    expect(changed.tags).toEqual(['hourly']);
    expect(changed.scalability.processing).toMatchObject({ parallel_workers: 1, chunk_size: 3 });
  });

  it('takes the values of the environment over its own, and those of the defaults only where it has none', () => {
    const { config } = parse('prod');
    expect(config.source).toEqual(use('csv', { path: '/srv/prod/north.csv', encoding: 'utf-8' }));
    expect(config.targets).toEqual([use('sqlite', { database: '/srv/sales.db', table: 'sales' })]);
    expect(config.scalability.processing).toMatchObject({ parallel_workers: 4, chunk_size: 7 });
    expect(config.owner).toBe('ops@example.com');
    const owned = FILE.replace('name: sales', 'name: sales\n  owner: me');
    expect(parse('prod', owned).config.owner).toBe('me');
    expect(
      parse('prod', FILE, DEFAULTS, { overrides: ['target.table=t', 'owner=you'] }).config,
    ).toMatchObject({
      owner: 'you',
      targets: [use('sqlite', { database: '/srv/sales.db', table: 't' })],
    });
  });

  it('knows where each value is from', () => {
    const { overrides } = parse('prod', FILE, DEFAULTS, { overrides: ['owner=you'] });
    expect(overrides.map(({ path, label }) => `${path.join('.')} ${label}`)).toEqual([
      'owner configs/defaults.yaml:2:8 owner',
      'tags configs/defaults.yaml:3:7 tags',
      'scalability.processing.parallel_workers configs/defaults.yaml:5:35 scalability.processing.parallel_workers',
      'scalability.processing.chunk_size configs/defaults.yaml:5:50 scalability.processing.chunk_size',
      'fault_tolerance.retry.max_attempts configs/defaults.yaml:6:43 fault_tolerance.retry.max_attempts',
      'owner configs/defaults.yaml:8:18 environments.prod.owner',
      'source.path configs/sales.yaml:9:21 environments.prod.source.path',
      'targets.0.database configs/sales.yaml:10:25 environments.prod.target.database',
      'scalability.processing.parallel_workers configs/sales.yaml:11:52 environments.prod.scalability.processing.parallel_workers',
      'owner --set owner',
    ]);
  });

  it('replaces a section by one of another type, and is not mixed with defaults of another type', () => {
    const other = FILE.replace('{ database: /srv/sales.db }', '{ type: csv, path: out.csv }');
    expect(parse('prod', other).config.targets).toEqual([
      { type: 'csv', options: expect.not.objectContaining({ table: 'sales' }) },
    ]);
    const defaults =
      'source: { type: json, path: x.json, record_path: $.a }\ntarget: { table: t, mode: append }\n';
    const { config } = parse('dev', FILE, defaults);
    expect(config.source).toEqual(use('csv', { path: 'data/sales.csv' }));
    expect(config.source.options).not.toHaveProperty('record_path');
    expect(config.targets).toEqual([use('sqlite', { table: 'sales', mode: 'append' })]);
    const several = FILE.replace(/ {2}target: (.*)/, '  targets: [$1]').replace(/ {4}target: .*\n/, '');
    expect(parse('prod', several, defaults).config.targets).toEqual([use('sqlite', { mode: 'replace' })]);
  });

  it.each([
    ['prdo', '--env prdo: unknown environment, expected one of prod, dev. Did you mean "prod"?'],
    ['test', 'write environments: {test: {}} into configs/defaults.yaml'],
  ])('refuses the environment %s', (environment, message) => {
    expect(refusal(environment)).toContain(message);
  });

  it('refuses an environment where none is known, and takes one that the defaults know', () => {
    const plain = FILE.slice(0, FILE.indexOf('environments'));
    expect(refusal('prod', plain, '')).toContain('--env prod: unknown environment, none is known.');
    expect(parse('prod', plain).config.owner).toBe('ops@example.com');
  });

  it('shows problems at their places in both files, and not those of other environments', () => {
    const bad = FILE.replace('${REGION}', '${NOWHERE}').replace('parallel_workers: 4', 'paralel_workers: 4');
    expect(parse('dev', bad).config.name).toBe('sales');
    expect(refusal('prod', bad).split('\n').sort()).toEqual([
      expect.stringMatching(
        /^configs\/sales\.yaml:11:51 environments\.prod\.scalability\.processing\.paralel_workers: unknown key\. Did you mean/,
      ),
      expect.stringMatching(
        /^configs\/sales\.yaml:9:21 environments\.prod\.source\.path: the environment variable NOWHERE is not set/,
      ),
    ]);
    const defaults = DEFAULTS.replace('chunk_size: 7', 'chunk_size: many').replace(
      'owner: d',
      'name: all\nowner: d',
    );
    expect(refusal(undefined, FILE, defaults).split('\n').sort()).toEqual([
      expect.stringMatching(/^configs\/defaults\.yaml:2:1 name: unknown key/),
      expect.stringMatching(
        /^configs\/defaults\.yaml:6:50 scalability\.processing\.chunk_size: found "many"/,
      ),
    ]);
    expect(refusal(undefined, FILE, 'a: [')).toMatch(/^configs\/defaults\.yaml:\d+:\d+/);
    expect(
      refusal('prod', FILE.replace('dev: {}', 'dev: 1').replace('prod:\n', 'prod:\n    extra: 1\n')),
    ).toContain('configs/sales.yaml:9:5 environments.prod.extra: unknown key');
  });

  it('is the same without an environment as if it had none', () => {
    const plain = FILE.slice(0, FILE.indexOf('environments'));
    expect(parse().config).toEqual(parse(undefined, plain).config);
    expect(parse('dev').config).toEqual(parse().config);
    expect(parse(undefined, FILE, '').config).toEqual(
      parsePipeline({ text: FILE, file: 'f', env: {}, plugins }).config,
    );
  });
});

describe('a worker', () => {
  const project = (): ReturnType<typeof createTestDeps> => {
    const dir = makeFolder();
    mkdirSync(join(dir, 'configs'));
    writeFileSync(join(dir, 'configs/sales.yaml'), FILE);
    writeFileSync(join(dir, 'configs/defaults.yaml'), DEFAULTS);
    return createTestDeps(dir, plugins, { REGION: 'south', FLEXETL_ENV: 'prod' });
  };

  it('uses what the run was started with, whatever its own files and variables say', async () => {
    const request = { name: 'sales', text: FILE, file: 'configs/sales.yaml' };
    expect(await resolveConfig(project(), request)).toMatchObject({
      tags: [],
      targets: [use('sqlite', { database: 'output/dev.db' })],
    });
    const defaults = { text: 'tags: [sent]\n', file: 'configs/defaults.yaml' };
    expect(await resolveConfig(project(), { ...request, defaults, environment: 'prod' })).toMatchObject({
      tags: ['sent'],
      source: use('csv', { path: '/srv/prod/south.csv' }),
    });
  });

  it('uses its own for a run that was started by a name', async () => {
    const sales = await resolveConfig(project(), { name: 'sales' });
    expect(sales).toMatchObject({ tags: ['daily'], targets: [use('sqlite', { database: '/srv/sales.db' })] });
    const dev = await resolveConfig(project(), { name: 'sales', environment: 'dev' });
    expect(dev.targets).toEqual([use('sqlite', { database: 'output/dev.db' })]);
  });
});
