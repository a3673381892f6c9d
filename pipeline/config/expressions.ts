/** Checks expressions without knowing the columns. Prepare checks columns and types. */
import type { z } from 'zod';
import { FlexetlError } from '../errors';
import { AGGREGATES } from '../expression/aggregates';
import { FUNCTIONS } from '../expression/functions';
import { parseExpression, type Node } from '../expression/parse';
import { explainPattern, PATTERN_HINT } from '../expression/pattern';
import { expressionError } from '../expression/problem';
import { suggest } from '../suggest';
import { findOptions } from './find-options';

/**
 * Checks the options that are expressions.
 * @param schema of the plugin's options
 */
export function assertExpressions(schema: z.ZodType, options: unknown, ctx: z.RefinementCtx): void {
  for (const { kind, path, value } of findOptions(schema, options)) {
    if (typeof value !== 'string' || (kind !== 'expression' && kind !== 'aggregation')) continue;
    const message = explainExpression(value, kind === 'aggregation');
    if (message) ctx.addIssue({ code: 'custom', path: [...path], message });
  }
}

function explainExpression(text: string, aggregates: boolean): string | undefined {
  try {
    const known = aggregates ? [...AGGREGATES.keys(), ...FUNCTIONS.keys()] : [...FUNCTIONS.keys()];
    assertFunctions(parseExpression(text), text, known);
    return undefined;
  } catch (error) {
    if (!(error instanceof FlexetlError)) throw error;
    return [error.message, error.hint].filter(Boolean).join(' ');
  }
}

function assertFunctions(node: Node, text: string, known: readonly string[]): void {
  if (node.kind === 'call') {
    if (!known.includes(node.name)) {
      const near = suggest(node.name, known);
      const hint = AGGREGATES.has(node.name)
        ? 'Use it in the aggregations of an aggregate step.'
        : near && `Did you mean "${near}"?`;
      throw expressionError(text, node.at, `There is no function "${node.name}" here`, hint);
    }
    const [, pattern] = node.args;
    const wrong = node.name === 'matches' && pattern?.kind === 'string' && explainPattern(pattern.value);
    if (wrong) throw expressionError(text, pattern.at, `The pattern ${wrong}`, PATTERN_HINT);
    for (const arg of node.args) assertFunctions(arg, text, known);
  } else if (node.kind === 'unary') assertFunctions(node.argument, text, known);
  else if (node.kind === 'in') {
    for (const one of [node.value, ...node.list]) assertFunctions(one, text, known);
  } else if (node.kind === 'binary') {
    assertFunctions(node.left, text, known);
    assertFunctions(node.right, text, known);
  }
}
