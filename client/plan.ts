/** `flexetl plan`: what a run would do, decided from the pipeline file and a look at the source. */
import { targetOf } from '../engine/load';
import { inputOf } from '../engine/transform';
import { count } from '../pipeline/markdown';
import { stagedSchema, typedColumn } from '../pipeline/schema';
import { planPartialGroups } from '../pipeline/transforms/partial-groups';
import { planTransforms } from '../pipeline/transforms/plan';
import { planTransformSql } from '../pipeline/transforms/transform-sql';
import { formatType, type Schema } from '../pipeline/types';
import { pluginsOf } from '../engine/resolve-config';
import { EXIT, type CommandContext } from './context';
import { loadPipeline, type PipelineOptions } from './load-pipeline';
import { formatTable, printJson, printLine } from './print';
import { withRehearsal, type Rehearsal } from './rehearsal';

export async function planCommand(
  context: CommandContext,
  name: string | undefined,
  options: PipelineOptions,
): Promise<number> {
  const { config } = await loadPipeline(context, name, options);
  await withRehearsal(context, config, async (rehearsal) => {
    const plan = describePlan(rehearsal);
    if (context.json) printJson(context, plan);
    else printPlan(context, plan);
  });
  return EXIT.done;
}

type Plan = ReturnType<typeof describePlan>;

function describePlan({ deps, plan }: Rehearsal) {
  const { config, survey, columns, needs, chunks } = plan;
  const schema = stagedSchema(columns, needs);
  const steps = planTransforms(config.transformations, schema, pluginsOf(deps, config).transforms);
  const output = steps.at(-1)?.plan.schema ?? schema;
  const partial = plan.partialGroups ? planPartialGroups(steps) : undefined;
  const kind = partial ? 'groups' : 'rows';
  const parts = chunks.length > 0 ? [{ path: `extract/${kind}-*.parquet`, kind, index: 0 } as const] : [];
  const sql = planTransformSql(steps, inputOf(parts, schema), schema);
  const grouped = partial ? [partial.sql('SELECT * FROM source_as_typed_rows')] : [];
  return {
    pipeline: config.name,
    config_digest: plan.digest,
    source: { type: config.source.type, files: survey.files },
    columns: columns.map((column) => ({
      name: column.name,
      type: formatType(typedColumn(column, needs).type),
      from: column.declared === undefined ? 'guessed from the head, checked on every row' : 'declared',
      nullable: column.nullable,
      used: column.staged,
    })),
    chunks: chunks.length,
    transformations: steps.map(({ type, index, plan: { removes, scope } }) => ({
      type,
      scope,
      removes: removes ?? null,
      while_reading: partial !== undefined && index <= partial.index,
    })),
    output: describeSchema(output),
    sql: [...grouped, ...sql.statements.map((statement) => statement.sql), sql.output],
    targets: config.targets.map((_, index) => {
      const { target, options, name } = targetOf(deps, config, index);
      return {
        type: target.type,
        name,
        mode: target.mode(options),
        guarantee: target.guarantee(options),
      };
    }),
  };
}

function describeSchema(schema: Schema): { name: string; type: string }[] {
  return schema.map(({ name, type }) => ({ name, type: formatType(type) }));
}

function printPlan(context: CommandContext, plan: Plan): void {
  const print = (line = ''): void => printLine(context, line);
  print(`${plan.pipeline}   ${plan.config_digest}`);
  print();
  print(`source ${plan.source.type}, ${plan.chunks} ${plan.chunks === 1 ? 'chunk' : 'chunks'}`);
  for (const file of plan.source.files) print(`  ${file.path}  ${count(file.bytes)} bytes`);
  print();
  const rows = plan.columns.map((column) => [
    `  ${column.name}`,
    `${column.type}${column.nullable ? '' : ' not null'}`,
    column.from,
    column.used ? '' : 'not used',
  ]);
  for (const line of formatTable(['  column', 'type', '', ''], rows)) print(line);
  print();
  print(plan.transformations.length > 0 ? 'transformations' : 'no transformations');
  for (const { type, removes, scope, while_reading } of plan.transformations) {
    const how = while_reading ? '  while it is read' : scope === 'global' ? '  needs all rows' : '';
    print(`  ${type}${removes ? `  rows ${removes}` : ''}${how}`);
  }
  print();
  print(`output  ${plan.output.map(({ name, type }) => `${name} ${type}`).join(', ')}`);
  print();
  for (const target of plan.targets)
    print(`target ${target.type} ${target.name} (${target.mode})\n  ${target.guarantee}`);
  print();
  print('sql');
  for (const statement of plan.sql) print(`  ${statement};`);
}
