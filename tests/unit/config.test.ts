import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, digestRequest } from '../../pipeline/config/parse';
import type { PipelineConfig } from '../../pipeline/config/schema';
import { BASE, HEAD, parse } from '../support/pipeline-text';

const readConfig = (name: string): string => readFileSync(join(__dirname, '../../configs', name), 'utf8');

describe('a good pipeline file', () => {
  it('of phase 2 is read as printed', () => {
    const config = parse(readConfig('sales_pipeline.yaml'), { file: 'configs/sales_pipeline.yaml' });
    expect(config).toMatchObject({
      version: '1.0',
      name: 'sales_pipeline',
      source: { type: 'csv', options: { path: 'data/sales_data.csv' } },
      targets: [{ type: 'sqlite', options: { database: 'output.db', table: 'daily_product_revenue' } }],
    });
    expect(config.transformations).toEqual([
      { type: 'filter', options: { column: 'quantity', operator: '>', value: 0 } },
      {
        type: 'aggregate',
        options: {
          group_by: ['date', 'product_id'],
          aggregations: {
            total_quantity: 'sum(quantity)',
            total_revenue: 'sum(quantity * unit_price)',
          },
        },
      },
    ]);
  });

  it('of the main job is read', () => {
    const config = parse(readConfig('sales.yaml'));
    expect(config.transformations.map(({ type }) => type)).toEqual(['drop_nulls', 'filter', 'aggregate']);
    expect(config.validation.schema.unit_price).toEqual({ type: 'decimal', nullable: true });
  });

  it('may hold the snippets of phases 5, 7 and 8 as printed, at the top level or under pipeline', () => {
    const snippets = `fault_tolerance:
  retry:
    enabled: true
    max_attempts: 3
    backoff_strategy: "exponential"
    backoff_multiplier: 2
    max_backoff_seconds: 60
  checkpoints:
    enabled: true
    interval: 1000  # records
scalability:
  processing:
    mode: "chunked"  # or "dask" or "standard"
    chunk_size: 100000  # records
    parallel_workers: 4
  memory:
    limit_mb: 2048
    spill_to_disk: true
monitoring:
  logging:
    level: "INFO"
    format: "json"
    output: "logs/flexetl.log"
    rotation: "daily"
`;
    const config = parse(BASE + snippets);
    expect(config.scalability).toEqual({
      processing: { mode: 'chunked', chunk_size: 100_000, parallel_workers: 4 },
      memory: { limit_mb: 2048, spill_to_disk: true },
    });
    expect(config.fault_tolerance.retry).toMatchObject({ max_attempts: 3, initial_backoff_seconds: 1 });
    expect(config.fault_tolerance.checkpoints).toEqual({ enabled: true, interval: 1000 });
    const nested = `${HEAD}pipeline:\n${(BASE.slice(HEAD.length) + snippets).replace(/^/gm, '  ').trimEnd()}\n`;
    expect(parse(nested)).toEqual(config);
  });

  it('has the name of its file when it does not say another, and a target or a list of targets', () => {
    const one = parse(BASE, { file: '/elsewhere/daily-sales.yml' });
    expect(one.name).toBe('daily-sales');
    const list = parse(BASE.replace('target: {', 'targets:\n  - {'), { file: 'daily-sales.yaml' });
    expect(list).toEqual(one);
  });

  it('may write the version as a number', () => {
    expect(parse(BASE.replace('"1.0"', '1.0')).version).toBe('1.0');
  });

  it('is chunked when it gives a chunk size and no mode', () => {
    const sized = parse(`${BASE}scalability: {processing: {chunk_size: 5}}\n`);
    expect(sized.scalability.processing).toEqual({ mode: 'chunked', chunk_size: 5 });
    expect(parse(BASE).scalability.processing).toEqual({ mode: 'standard' });
  });

  it('survives JSON unchanged, as it is staged', () => {
    for (const name of ['sales.yaml', 'sales_pipeline.yaml']) {
      const config = parse(readConfig(name), { file: name });
      expect(JSON.parse(JSON.stringify(config))).toStrictEqual(config);
    }
  });
});

describe('the digest of a pipeline', () => {
  it('does not depend on the order of keys, and does on every value', () => {
    const config = parse(BASE);
    const reversed = Object.fromEntries(Object.entries(config).reverse()) as PipelineConfig;
    expect(digestOf(reversed)).toBe(digestOf(config));
    expect(digestOf(config)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(digestOf({ ...config, name: 'other' })).not.toBe(digestOf(config));
  });

  it('that is asked for is that of its text, of --set in their order, of the variables, and of the checkout', () => {
    const request = { text: 'a', overrides: ['x=1', 'y=2'], config: parse(BASE), staging: 's' };
    const digests = [
      digestRequest(request),
      digestRequest({ ...request, text: 'b' }),
      digestRequest({ ...request, overrides: ['y=2', 'x=1'] }),
      digestRequest({ ...request, config: { ...request.config, name: 'other' } }),
      digestRequest({ ...request, staging: 't' }),
      digestRequest({ ...request, again: true }),
    ];
    expect(new Set(digests).size).toBe(6);
    expect(digestRequest({ ...request, config: parse(BASE) })).toBe(digests[0]);
  });
});
