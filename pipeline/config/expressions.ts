/** What is wrong with an expression whatever the columns are. Columns and types are for prepare, which has them. */
import type { z } from 'zod';
import { FlexetlError } from '../errors';
import { AGGREGATES } from '../expression/aggregates';
import { FUNCTIONS } from '../expression/functions';
import { parseExpression, type Node } from '../expression/parse';
import { expressionError } from '../expression/problem';
import { suggest } from '../suggest';
import type { PluginUse } from './schema';

/** The options that hold expressions by name of a column, by type of transform. */
const EXPRESSION_OPTIONS: Readonly<Record<string, { option: string; aggregates: boolean }>> = {
  aggregate: { option: 'aggregations', aggregates: true },
  derive: { option: 'columns', aggregates: false },
};

export function assertExpressions({ type, options }: PluginUse, ctx: z.RefinementCtx): void {
  const found = Object.hasOwn(EXPRESSION_OPTIONS, type) ? EXPRESSION_OPTIONS[type] : undefined;
  if (!found) return;
  const expressions = Object.entries(options[found.option] ?? {}) as [string, unknown][];
  for (const [column, text] of expressions) {
    const message = typeof text === 'string' ? explainExpression(text, found.aggregates) : undefined;
    if (message) ctx.addIssue({ code: 'custom', path: [found.option, column], message });
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
        ? 'It belongs into the aggregations of an aggregate step.'
        : near && `Did you mean "${near}"?`;
      throw expressionError(text, node.at, `There is no function "${node.name}" here`, hint);
    }
    for (const arg of node.args) assertFunctions(arg, text, known);
  } else if (node.kind === 'unary') assertFunctions(node.argument, text, known);
  else if (node.kind === 'in') {
    for (const one of [node.value, ...node.list]) assertFunctions(one, text, known);
  }
  else if (node.kind === 'binary') {
    assertFunctions(node.left, text, known);
    assertFunctions(node.right, text, known);
  }
}
