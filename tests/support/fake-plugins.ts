/** Plugins with realistic options and no behaviour, for tests of the pipeline file alone. */
import { z } from 'zod';
import { aggregation } from '../../plugin/options';
import type { Plugins } from '../../pipeline/config/schema';
import type { Target } from '../../plugin/target';
import type { FileSource } from '../../plugin/source';
import type { Transform } from '../../plugin/transform';

const refuse = (): never => {
  throw new Error('A fake plugin does nothing.');
};

function fakeSource<O>(type: string, options: z.ZodType<O>): FileSource<O> {
  return { kind: 'files', type, description: `Reads ${type}.`, options, open: refuse };
}

function fakeTransform<O>(type: string, options: z.ZodType<O>): Transform<O> {
  return { type, description: `Does ${type}.`, options, plan: refuse };
}

function fakeTarget<O extends { database: string; table: string; mode: 'append' | 'replace' }>(
  type: string,
  options: z.ZodType<O>,
): Target<O> {
  return {
    type,
    description: `Writes ${type}.`,
    options,
    name: ({ database, table }) => `${database}#${table}`,
    place: ({ database, table }) => ({ path: database, name: table }),
    mode: ({ mode }) => mode,
    writing: ({ mode }) => ({ mode }),
    guarantee: ({ mode }) => `Guarantee of ${mode}.`,
    capabilities: { modes: ['append', 'replace'], lane: 'rows' },
    open: refuse,
  };
}

const columns = z.array(z.string().min(1)).min(1);

export const FAKE_PLUGINS: Plugins = {
  checks: [],
  sources: [
    fakeSource(
      'csv',
      z.strictObject({
        path: z.string().min(1).describe('A file.'),
        delimiter: z.string().length(1).optional().describe('Between fields.'),
        header: z.boolean().default(true).describe('Whether there is one.'),
        skip_rows: z.int().min(0).default(0).describe('Lines before the header.'),
      }),
    ),
    fakeSource('lines', z.strictObject({ path: z.string() })),
  ],
  transforms: [
    fakeTransform('drop_nulls', z.strictObject({ columns: columns.optional() })),
    fakeTransform(
      'filter',
      z.strictObject({
        column: z.string(),
        operator: z.enum(['=', '>', '<', 'in']),
        value: z.union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))]),
      }),
    ),
    fakeTransform(
      'aggregate',
      z.strictObject({
        group_by: columns,
        aggregations: z.record(
          z.string(),
          aggregation().refine((text) => !text.includes('(('), { error: 'a bracket is not closed.' }),
        ),
      }),
    ),
  ],
  targets: [
    fakeTarget(
      'sqlite',
      z.strictObject({
        database: z.string().min(1).describe('The file.'),
        table: z.string().min(1).describe('The table.'),
        mode: z
          .enum(['append', 'replace'])
          .default('replace')
          .describe('What happens to rows that are there.'),
      }),
    ),
  ],
};
