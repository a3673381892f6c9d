/** All checks of a run, compiled for the types that its columns have. */
import type { Check, DatasetCheck, GlobalCheck, RowCheck } from '../../plugin/check';
import { digestOf } from '../config/parse';
import { findPlugin, type CheckUse } from '../config/schema';
import { FlexetlError } from '../errors';
import { compileCondition } from '../expression';
import type { Schema, TextRules } from '../types';
import { callPlugin, pluginName } from '../plugin-failure';
import {
  datasetCheck,
  globalCheck,
  type Condition,
  type NamedDatasetCheck,
  type NamedGlobalCheck,
} from './dataset-check';
import { columnChecks, nullableCheck, type ColumnRules } from './column-rules';
import { typeChecks } from './declared';
import { judgedBroken, judgedBy, type CheckSettings, type FailurePolicy, type Judged } from './policy';

/** A check with its name in reports and verdicts, and what follows when rows fail it. */
export type NamedRowCheck = RowCheck & Judged & { where?: Condition };

type NamedCheck = NamedRowCheck | NamedDatasetCheck | NamedGlobalCheck;

export interface CompiledChecks {
  /** A staged row has the indexes in this list of the checks that it fails. */
  rows: readonly NamedRowCheck[];
  /** A receipt has a state for each of these, in this order. */
  datasets: readonly NamedDatasetCheck[];
  /** Those that need all rows at once. */
  globals: readonly NamedGlobalCheck[];
  /** A receipt has the number of rows that meet each of these, in this order: percentages are of them. */
  counted: readonly Condition[];
  /** Of records that cannot be read at all. */
  broken: Judged;
}

export interface ChecksInput {
  /** All columns to check, with their types. */
  columns: Schema;
  rules: TextRules;
  /** `validation.schema` and `validation.quality_checks` of the pipeline file. */
  schema: Readonly<Record<string, CheckSettings & ColumnRules>>;
  uses: readonly CheckUse[];
  policy: FailurePolicy;
  plugins: readonly Check<unknown>[];
  explainType?: Parameters<typeof typeChecks>[2];
}

/** @throws FlexetlError SCHEMA_MISMATCH, EXPRESSION_INVALID, PLUGIN_UNKNOWN, CONFIG_INVALID */
export function compileChecks(input: ChecksInput): CompiledChecks {
  const { columns, rules, schema, policy, explainType } = input;
  const chosen = nameApart(input.uses.flatMap((use, index) => compileUse(input, use, index)));
  const ofColumn = (check: RowCheck): CheckSettings => settingsOf(schema, check.column ?? '');
  const rows: NamedRowCheck[] = [
    ...typeChecks(columns, rules, explainType).map((check) => ({
      ...check,
      ...judgedBroken('type', policy, ofColumn(check)),
    })),
    ...columns.flatMap((column, index) => {
      const settings = settingsOf(schema, column.name);
      const nullable = column.nullable === false ? [nullableCheck(column, index)] : [];
      return [...nullable, ...columnChecks(column, index, settings)].map((check) =>
        ruleOf(check, judgedBy(check.rule, policy, settings), settings, columns),
      );
    }),
    ...chosen.filter((check): check is NamedRowCheck => check.scope === 'row'),
  ];
  return {
    rows,
    counted: conditionsOf(rows),
    datasets: chosen.filter((check): check is NamedDatasetCheck => check.scope === 'dataset'),
    globals: chosen.filter((check): check is NamedGlobalCheck => check.scope === 'global'),
    broken: judgedBroken('record', policy),
  };
}

/** Of a column, or of all that have no declaration of their own. */
export function settingsOf(schema: ChecksInput['schema'], column: string): CheckSettings & ColumnRules {
  const key = [column, '*'].find((name) => Object.hasOwn(schema, name));
  return (key === undefined ? undefined : schema[key]) ?? {};
}

function compileUse(
  { columns, plugins, policy }: ChecksInput,
  { type, options, settings = {} }: CheckUse,
  index: number,
): NamedCheck[] {
  const plugin = findPlugin(plugins, type);
  const place = `validation.quality_checks.${index}`;
  const compiled = callPlugin(`${place}: ${pluginName(plugin)}`, () => plugin.compile(options, columns));
  const rule = settings.name ?? type;
  return compiled.map((check) => {
    if (check.scope === 'row') return ruleOf(check, judgedBy(rule, policy, settings), settings, columns);
    if (settings.on_failure === 'continue') throw notOfRows(place, type);
    if (check.rowless && (settings.warn_when ?? settings.fail_when) !== undefined)
      throw withoutThreshold(place, type);
    const judged = judgedBy(rule, tolerant(policy), settings);
    const looksAt = { where: whereOf(settings, columns), keptAs: keptAs(check, settings) };
    return check.scope === 'dataset'
      ? datasetCheck(check, judged, looksAt)
      : globalCheck(check, judged, looksAt);
  });
}

/** The rows of a check of the input as a whole cannot be told apart: where rows are quarantined, it fails the run. */
function tolerant(policy: FailurePolicy): FailurePolicy {
  return policy.onFailure === 'continue' ? { ...policy, onFailure: 'fail' } : policy;
}

function notOfRows(place: string, type: string): FlexetlError {
  return new FlexetlError('CONFIG_INVALID', {
    message: `${place}: ${type} is about the input as a whole: it has no rows of its own that on_failure: continue could quarantine.`,
    hint: 'Set on_failure: fail or warn.',
  });
}

function withoutThreshold(place: string, type: string): FlexetlError {
  return new FlexetlError('CONFIG_INVALID', {
    message: `${place}: ${type} passes or fails as a whole: there are no failing rows for warn_when and fail_when to count.`,
    hint: 'Remove them; on_failure: warn makes it warn.',
  });
}

/** What a check keeps for later runs, as a digest: its identity and the rows that it looks at. */
function keptAs({ keeps }: DatasetCheck | GlobalCheck, { where }: CheckSettings): string | undefined {
  return (
    keeps &&
    digestOf({ ...keeps.identity, where: where ?? null })
      .replace('sha256:', '')
      .slice(0, 32)
  );
}

/** A check of rows under its settings. */
function ruleOf(check: RowCheck, judged: Judged, settings: CheckSettings, columns: Schema): NamedRowCheck {
  const where = whereOf(settings, columns);
  return {
    ...check,
    ...judged,
    ...(where !== undefined && { where, fails: `(${where.sql}) AND (${check.fails})` }),
    ...(judged.says !== undefined && { reason: judged.says }),
  };
}

function whereOf({ where }: CheckSettings, columns: Schema): Condition | undefined {
  return where === undefined ? undefined : compileCondition(where, columns);
}

/** The conditions of checks of rows that have a percentage, each once. */
function conditionsOf(rows: readonly NamedRowCheck[]): Condition[] {
  const found = rows.flatMap(({ where, warnWhen, failWhen }) =>
    where && (warnWhen?.percent || failWhen?.percent) ? [[where.sql, where] as const] : [],
  );
  return [...new Map(found).values()];
}

/** Checks of one name and column are numbered: `expression`, `expression 2`. */
function nameApart<C extends NamedCheck>(checks: readonly C[]): C[] {
  const seen = new Map<string, number>();
  return checks.map((check) => {
    const key = JSON.stringify([check.rule, check.scope === 'row' ? check.column : check.columns]);
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    return count === 1 ? check : { ...check, rule: `${check.rule} ${count}` };
  });
}
