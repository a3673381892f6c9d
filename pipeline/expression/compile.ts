/** From tree to SQL: checks names against the schema, and types against each other. */
import { ROWS_COLUMN, STATE_PREFIX } from '../columns';
import type { FlexetlError } from '../errors';
import { LIMITS } from '../limits';
import { ident, sqlType } from '../sql';
import { hintForName } from '../suggest';
import { BOOLEAN, findColumn, INTEGER, isNumeric, UNKNOWN, type ColumnType, type Schema } from '../types';
import { AGGREGATES, type AggregateFunction } from './aggregates';
import { arithmetic } from './arithmetic';
import { compareSql, inListSql } from './compare';
import { FUNCTIONS } from './functions';
import {
  booleanOperand,
  columnOperand,
  nameOfType,
  numberOperand,
  assertFinite,
  textOperand,
  type Operand,
} from './operand';
import { parseExpression, type Comparison, type Node } from './parse';
import {
  bounded,
  succeed,
  tooComplex,
  type Compiled,
  type CompileOptions,
  type Context,
  type Explain,
} from './context';
import { expressionError } from './problem';

export type { Compiled, Explain };

const ROW: CompileOptions = { groups: null, fast: false, place: 0 };

/**
 * An expression as a user wrote it.
 * @throws FlexetlError EXPRESSION_INVALID
 */
export function compile(text: string, schema: Schema, options: CompileOptions = ROW): Compiled {
  const explain: Explain = (...problem) => expressionError(text, ...problem);
  const compiled = compileTree(parseExpression(text), schema, explain, options, text);
  if (compiled.sql.length > LIMITS.expressionSqlCharsMax) throw tooComplex(1, explain);
  return compiled;
}

/**
 * Compiles a tree of nodes.
 * @param text the expression, for errors of the run
 * @throws the error that `explain` makes of a problem
 */
export function compileTree(
  node: Node,
  schema: Schema,
  explain: Explain,
  options: CompileOptions = ROW,
  text = '',
): Compiled {
  const sets = { columns: new Set<string>(), ordered: new Set<string>() };
  const state = { inside: false, states: [], aggregates: 0, merging: false };
  const context: Context = { ...options, ...sets, ...state, explain, schema, text };
  const compiled = assertFinite(compileNode(node, context));
  if (compiled.type === null && !readsUnknown(context)) {
    throw explain(compiled.at, 'null alone has no type', 'Write a value of the type it should have.');
  }
  const { sql, type } = typed(compiled);
  if (!context.groups || !context.states) return { sql, type, ...sets };
  const merging = { ...context, aggregates: 0, states: [], merging: true };
  const merged = { sql: typed(assertFinite(compileNode(node, merging))).sql, states: context.states };
  return { sql, type, ...sets, merged };
}

/** True when the result may depend on a column of only nulls. */
function readsUnknown({ columns, schema }: Pick<Context, 'columns' | 'schema'>): boolean {
  return [...columns].some((name) => findColumn(schema, name)?.type.kind === 'unknown');
}

/** A null without a type becomes one of an unknown type, as a column of only nulls has it. */
function typed({ sql, type, ...rest }: Operand): Operand & { type: ColumnType } {
  return type
    ? { ...rest, sql, type }
    : { ...rest, sql: `CAST(${sql} AS ${sqlType(UNKNOWN)})`, type: UNKNOWN };
}

function compileNode(node: Node, context: Context): Operand {
  const { at } = node;
  switch (node.kind) {
    case 'number':
      return succeed(numberOperand(node.text, at), at, context);
    case 'string':
      return textOperand(node.value, at);
    case 'boolean':
      return booleanOperand(node.value, at);
    case 'null':
      return { sql: 'NULL', type: null, at };
    case 'star':
      throw context.explain(at, '`*` is allowed only in count(*)');
    case 'column':
      return compileColumn(node.name, at, context);
    case 'unary':
      return node.operator === 'not'
        ? negate(node.argument, at, context)
        : changeSign(node.argument, at, context);
    case 'binary':
      return compileBinary(node, context);
    case 'in':
      return compileIn(node, context);
    case 'call':
      return compileCall(node, context);
  }
}

function compileColumn(name: string, at: number, context: Context): Operand {
  const column = findColumn(context.schema, name);
  if (!column) {
    const known = context.schema.map((one) => one.name);
    throw context.explain(at, `There is no column "${name}"`, hintForName(name, known, 'columns'));
  }
  if (context.groups && !context.inside && !context.groups.has(name)) {
    throw expressionError(
      context.text,
      at,
      `The column "${name}" has many values in a group`,
      `Put it into an aggregate, such as first(${name}), or into group_by.`,
    );
  }
  context.columns.add(name);
  return columnOperand(column, at);
}

function changeSign(argument: Node, at: number, context: Context): Operand {
  if (argument.kind === 'number') return succeed(numberOperand(`-${argument.text}`, at), at, context);
  const operand = compileNode(argument, context);
  if (operand.type && !isNumeric(operand.type)) {
    throw context.explain(at, `The sign takes a number, found ${nameOfType(operand.type)}`);
  }
  const { literal: _text, respelled: _name, ...rest } = operand;
  return { ...rest, sql: `(-${operand.sql})`, at, fails: true };
}

function negate(argument: Node, at: number, context: Context): Operand {
  const operand = expectBoolean(compileNode(argument, context), 'not', context);
  return { ...operand, sql: `(NOT ${operand.sql})`, at };
}

function expectBoolean(operand: Operand, operator: string, context: Context): Operand {
  if (operand.type === null || operand.type.kind === 'boolean') return { ...operand, type: BOOLEAN };
  const problem = `\`${operator}\` takes conditions, found ${nameOfType(operand.type)}`;
  throw context.explain(operand.at, problem, 'A condition is a comparison such as quantity > 0.');
}

function compileBinary(node: Node & { kind: 'binary' }, context: Context): Operand {
  const { operator } = node;
  if (operator === 'and' || operator === 'or') return bounded(compileLogic(node, operator, context), context);
  const left = compileNode(node.left, context);
  const right = compileNode(node.right, context);
  switch (operator) {
    case '+':
    case '-':
    case '*':
    case '/':
    case '%': {
      // Only inside a sum: the digits of any other result are part of its type.
      const fast = context.fast && context.inside;
      return bounded(succeed(arithmetic(operator, left, right, fast), node.at, context), context);
    }
    default:
      return bounded(compare(operator, left, right, context), context);
  }
}

function compare(operator: Comparison, left: Operand, right: Operand, context: Context): Operand {
  const { sql } = succeed(compareSql(operator, left, right), right.at, context);
  const fails = [left, right].some((operand) => operand.fails);
  return { sql, type: BOOLEAN, at: left.at, fails };
}

function compileIn(node: Node & { kind: 'in' }, context: Context): Operand {
  const value = compileNode(node.value, context);
  const list = node.list.map((one) => compileNode(one, context));
  const { sql } = succeed(inListSql(value, list), node.at, context);
  return { sql, type: BOOLEAN, at: node.at, fails: [value, ...list].some((operand) => operand.fails) };
}

/**
 * A chain of `and` or `or`. DuckDB may compute every condition for every row. Where a condition after the first may
 * fail, a CASE evaluates the ones before it first, so that `b != 0 and a / b > 1` never divides by zero.
 */
function compileLogic(node: Node, operator: 'and' | 'or', context: Context): Operand {
  const terms: Operand[] = [];
  const collect = (term: Node): void => {
    if (term.kind === 'binary' && term.operator === operator) {
      collect(term.left);
      collect(term.right);
    } else terms.push(expectBoolean(compileNode(term, context), operator, context));
  };
  collect(node);
  const all = `(${terms.map((term) => term.sql).join(operator === 'and' ? ' AND ' : ' OR ')})`;
  const base: Operand = { sql: all, type: BOOLEAN, at: node.at, fails: terms.some((term) => term.fails) };
  if (!terms.slice(1).some((term) => term.fails)) return base;
  const decided = terms
    .slice(0, -1)
    .map(({ sql }) => (operator === 'and' ? `NOT ${sql} THEN false` : `${sql} THEN true`));
  return { ...base, sql: `CASE ${decided.map((one) => `WHEN ${one}`).join(' ')} ELSE ${all} END` };
}

function compileCall(node: Node & { kind: 'call' }, context: Context): Operand {
  const aggregate = AGGREGATES.get(node.name);
  if (aggregate) return bounded(compileAggregateCall(node, aggregate, context), context);
  const scalar = FUNCTIONS.get(node.name);
  if (!scalar) throw unknownFunction(node, context);
  const [fewest, most] = scalar.arity;
  if (node.args.length < fewest || node.args.length > most) {
    const problem = `${node.name}(…) has ${node.args.length} arguments`;
    throw context.explain(node.at, problem, `It is called ${scalar.usage}.`);
  }
  const args = node.args.map((arg) => compileNode(arg, context));
  const result = succeed(scalar.compile(args), node.at, context);
  const fails = Boolean(result.fails) || args.some((arg) => arg.fails);
  return bounded({ ...result, at: node.at, fails }, context);
}

function compileAggregateCall(
  node: Node & { kind: 'call' },
  aggregate: AggregateFunction,
  context: Context,
): Operand {
  const fail = (problem: string, hint?: string): never => {
    throw context.explain(node.at, problem, hint);
  };
  if (!context.groups)
    fail(`${node.name}(…) needs a group of rows`, 'Use it in the aggregations of an aggregate step.');
  if (context.inside) fail(`${node.name}(…) is inside another aggregate`, 'Use two aggregate steps.');
  const [value, ...others] = node.args;
  if (!value || others.length > 0)
    return fail(`${node.name}(…) takes one value`, `It is called ${aggregate.usage}.`);
  const base = { at: node.at, fails: true };
  if (value.kind === 'star') {
    if (node.name !== 'count') fail('`*` is allowed only in count(*)');
    const merged = `CAST(coalesce(sum(${ident(ROWS_COLUMN)}), 0) AS BIGINT)`;
    return { ...base, sql: context.merging ? merged : 'count(*)', type: INTEGER };
  }
  const fast = context.fast && aggregate.sums === true;
  const inner: Context = { ...context, inside: true, fast, columns: new Set() };
  const operand = assertFinite(compileNode(value, inner));
  if (operand.type === null && !readsUnknown(inner)) return fail(`${node.name}(null) has no type`);
  for (const name of inner.columns) {
    context.columns.add(name);
    if (aggregate.ordered) context.ordered.add(name);
  }
  const outcome = aggregate.compile(typed(operand), shorten(context.text), context.fast);
  const { states, merge, ...rest } = succeed(outcome, value.at, context);
  const result = { ...rest, type: rest.type.kind === 'unknown' ? null : rest.type };
  const prefix = `${STATE_PREFIX}${context.place}_${context.aggregates}`;
  context.aggregates += 1;
  if (!states || !merge) {
    context.states = null;
    return { ...base, ...result };
  }
  const columns = states.map((state) => ({ ...state, column: `${prefix}_${state.name}` }));
  context.states?.push(...columns);
  return {
    ...base,
    ...result,
    ...(context.merging && { sql: merge(columns.map(({ column }) => ident(column))) }),
  };
}

/** For errors of the run, which are on one line. */
function shorten(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, 100);
}

function unknownFunction(node: Node & { kind: 'call' }, context: Context): FlexetlError {
  const names = [...FUNCTIONS.keys(), ...(context.groups ? AGGREGATES.keys() : [])];
  const hint = hintForName(node.name, names, 'functions');
  return context.explain(node.at, `There is no function "${node.name}"`, hint);
}
