/** `flexetl plan`: what a run would do, from the pipeline file and a survey of the source. */
import { checkTargets, targetOf } from '../engine/load';
import { groupsSql, rowsSql, type ExtractedPart } from '../engine/parts';
import type { Plugins } from '../pipeline/config/schema';
import { count } from '../pipeline/markdown';
import { moduleOf } from '../pipeline/plugin-failure';
import { stagedSchema, typedColumn } from '../pipeline/schema';
import { planPartialGroups } from '../pipeline/transforms/partial-groups';
import { outputSchema, planTransforms } from '../pipeline/transforms/plan';
import { planTransformSql } from '../pipeline/transforms/transform-sql';
import { policyOf } from '../pipeline/checks/policy';
import { extractColumns } from '../engine/extract/columns';
import { openSource } from '../engine/open-source';
import { formatType, type Schema } from '../pipeline/types';
import { pluginsOf } from '../engine/resolve-config';
import { EXIT, type CommandContext } from './context';
import { loadPipeline, type LoadedPipeline, type PipelineOptions } from './load-pipeline';
import { formatTable, printJson, printLine } from './print';
import { withRehearsal, type Rehearsal } from './rehearsal';

export async function planCommand(
  context: CommandContext,
  name: string | undefined,
  options: PipelineOptions,
): Promise<number> {
  const { config, environment, origins } = await loadPipeline(context, name, options);
  await withRehearsal(context, config, async (rehearsal) => {
    const overridden = { ...(environment !== undefined && { environment }), overridden: origins };
    const plan = { ...overridden, ...(await describePlan(rehearsal)) };
    if (context.json) printJson(context, plan);
    else printPlan(context, plan);
  });
  return EXIT.done;
}

type Plan = Awaited<ReturnType<typeof describePlan>> & {
  environment?: string;
  overridden: LoadedPipeline['origins'];
};

/** @throws FlexetlError what would end the run before it reads: also of targets that cannot take its rows */
async function describePlan({ deps, plan, step }: Rehearsal) {
  const { config, survey, columns, partitions } = plan;
  const evidence = new Map(plan.evidence);
  const schema = stagedSchema(columns, evidence);
  const steps = planTransforms(config.transformations, schema, pluginsOf(deps, config).transforms);
  const output = outputSchema(steps, schema);
  const known = await checkTargets(deps, config, output, [], step);
  const partial = plan.groups ? planPartialGroups(steps) : undefined;
  const parts = [examplePart(schema, partial ? 'groups' : 'rows')];
  const sql = planTransformSql(steps, { rows: rowsSql(parts, schema), groups: groupsSql(parts) }, schema);
  const grouped = partial ? [partial.sql('SELECT * FROM source_as_typed_rows')] : [];
  return {
    pipeline: config.name,
    config_digest: plan.digest,
    source: { type: config.source.type, files: survey.files, read_with: survey.pins ?? {} },
    columns: columns.map((column) => ({
      name: column.name,
      type: formatType(typedColumn(column, evidence).type),
      from: column.declared === undefined ? 'inferred from the sample, checked on every row' : 'declared',
      nullable: column.nullable,
      respelled: typedColumn(column, evidence).respelled === true,
      used: column.staged,
    })),
    validation: { on_failure: policyOf(config).onFailure, rules: describeRules(plan, deps, step) },
    ...(survey.scope !== undefined && { scope: survey.scope }),
    plugins: ownModules(pluginsOf(deps, config)),
    warnings: [...known, ...(survey.warnings ?? [])],
    partitions: 'known' in partitions ? partitions.known.length : null,
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
        capabilities: target.capabilities,
      };
    }),
  };
}

/** The rules that the pipeline file has for rows and for the input, without the types of columns. */
function describeRules(
  plan: Rehearsal['plan'],
  deps: Rehearsal['deps'],
  step: Rehearsal['step'],
): {
  rule: string;
  columns: readonly string[];
  on_failure: string;
  warn_when?: string;
  fail_when?: string;
}[] {
  const plugins = pluginsOf(deps, plan.config);
  const { rules } = openSource(plugins, plan.config.source, step);
  const { checks } = extractColumns(plan, new Map(plan.evidence), rules, plugins.checks);
  const ofRows = checks.rows.map((check) => ({
    ...check,
    columns: check.column === null ? [] : [check.column],
  }));
  return [...ofRows, ...checks.datasets, ...checks.globals]
    .filter(({ rule }) => rule !== 'type')
    .map(({ rule, columns, onFailure, warnWhen, failWhen }) => ({
      rule,
      columns,
      on_failure: onFailure,
      ...(warnWhen && { warn_when: warnWhen.text }),
      ...(failWhen && { fail_when: failWhen.text }),
    }));
}

/** The plugins of the pipeline's own modules. */
function ownModules(plugins: Plugins): { module: string; kind: string; type: string }[] {
  return Object.entries(plugins).flatMap(([kind, all]) =>
    (all as readonly { type: string }[]).flatMap((plugin) => {
      const module = moduleOf(plugin);
      return module === undefined ? [] : [{ module, kind: kind.slice(0, -1), type: plugin.type }];
    }),
  );
}

/** A part as the statements show it. */
function examplePart(schema: Schema, kind: 'rows' | 'groups'): ExtractedPart {
  const types = schema.map(({ type }) => formatType(type));
  const receipt = { kind, rows: 0, rejected: 0, verdicts: 0, types, states: [], counted: [] };
  return { index: 0, path: `extract/${kind}-*.parquet`, receipt };
}

function describePartitions(partitions: number | null): string {
  if (partitions === null) return 'cut into partitions while it is read';
  return partitions === 1 ? '1 partition' : `${partitions} partitions`;
}

function describeSchema(schema: Schema): { name: string; type: string }[] {
  return schema.map(({ name, type }) => ({ name, type: formatType(type) }));
}

function printPlan(context: CommandContext, plan: Plan): void {
  const print = (line = ''): void => printLine(context, line);
  print(`${plan.pipeline}   ${plan.config_digest}`);
  if (plan.environment !== undefined) print(`environment ${plan.environment}`);
  for (const line of formatTable(
    ['  value', 'is from'],
    plan.overridden.map(({ path, from }) => [`  ${path}`, from]),
  ))
    if (plan.overridden.length > 0) print(line);
  print();
  print(`source ${plan.source.type}, ${describePartitions(plan.partitions)}`);
  for (const file of plan.source.files) print(`  ${file.path}  ${count(file.bytes)} bytes`);
  if (plan.scope !== undefined) print(`  ${plan.scope}`);
  const pins = Object.entries(plan.source.read_with).map(
    ([key, value]) => `${key}: ${JSON.stringify(value)}`,
  );
  if (pins.length > 0) print(`  read with ${pins.join(', ')}`);
  for (const warning of plan.warnings) print(`  warning: ${warning}`);
  for (const { module, kind, type } of plan.plugins) print(`plugin ${module}: ${kind} ${type}`);
  print();
  const rows = plan.columns.map((column) => [
    `  ${column.name}`,
    `${column.type}${column.nullable ? '' : ' not null'}`,
    column.from,
    column.used ? '' : 'not used',
  ]);
  for (const line of formatTable(['  column', 'type', '', ''], rows)) print(line);
  const respelled = plan.columns.filter((column) => column.respelled).map(({ name }) => name);
  if (respelled.length > 0)
    print(
      `  Values are kept, their spelling may change (1.10, TRUE, offsets to UTC): ${respelled.join(', ')}`,
    );
  const { rules, on_failure } = plan.validation;
  print();
  print(`validation, on failure ${on_failure}`);
  const ruleRows = rules.map((one) => [
    `  ${one.rule}`,
    one.columns.join(', '),
    one.on_failure,
    [one.warn_when && `warn ${one.warn_when}`, one.fail_when && `fail ${one.fail_when}`]
      .filter(Boolean)
      .join(', '),
  ]);
  if (rules.length > 0)
    for (const line of formatTable(['  rule', 'columns', 'on failure', ''], ruleRows)) print(line);
  print();
  print(plan.transformations.length > 0 ? 'transformations' : 'no transformations');
  for (const { type, removes, scope, while_reading } of plan.transformations) {
    const how = while_reading ? '  while it is read' : scope === 'global' ? '  needs all rows' : '';
    print(`  ${type}${removes ? `  rows ${removes}` : ''}${how}`);
  }
  print();
  print(`output  ${plan.output.map(({ name, type }) => `${name} ${type}`).join(', ')}`);
  print();
  for (const { type, name, mode, guarantee, capabilities } of plan.targets) {
    print(`target ${type} ${name} (${mode})\n  ${guarantee}`);
    print(`  Takes ${capabilities.lane === 'rows' ? 'rows' : 'the staged file'}.`);
  }
  print();
  print('sql');
  for (const statement of plan.sql) print(`  ${statement};`);
}
