/** From text to tree: jsep parses the text; this file adds the place of every node and refuses other syntax. */
import jsep from 'jsep';
import { LIMITS } from '../limits';
import { expressionError } from './problem';

/** `at` is the 1-based character where the node starts. */
export type Node = { at: number } & (
  | { kind: 'number'; text: string }
  | { kind: 'string'; value: string }
  | { kind: 'boolean'; value: boolean }
  | { kind: 'null' }
  | { kind: 'star' }
  | { kind: 'column'; name: string }
  | { kind: 'unary'; operator: UnaryOperator; argument: Node }
  | { kind: 'binary'; operator: BinaryOperator; left: Node; right: Node }
  | { kind: 'in'; value: Node; list: readonly Node[] }
  | { kind: 'call'; name: string; args: readonly Node[] }
);

export type UnaryOperator = '-' | 'not';
export type Arithmetic = '+' | '-' | '*' | '/' | '%';
export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';
export type BinaryOperator = Arithmetic | Comparison | 'and' | 'or';

/**
 * Reads an expression.
 * @throws FlexetlError EXPRESSION_INVALID with the character of the problem
 */
export function parseExpression(text: string): Node {
  if (text.length > LIMITS.expressionCharsMax) {
    const shown = `The expression has ${text.length} characters, at most ${LIMITS.expressionCharsMax} are read`;
    throw expressionError(text, LIMITS.expressionCharsMax, shown, 'Split it into several derive steps.');
  }
  let tree: jsep.Expression;
  try {
    tree = jsep(text);
  } catch (error) {
    const { index, description } = error as { index?: number; description?: string };
    if (index === undefined || description === undefined) throw error;
    throw expressionError(text, Math.min(index, text.length) + 1, explainSyntax(description));
  }
  // jsep ignores separators at both ends of the expression.
  const stray = /[,;]\s*$|^\s*[,;]/.exec(text);
  if (stray && tree.type !== 'Literal') {
    throw expressionError(text, stray.index + 1, 'Expected one expression, found a separator');
  }
  return convert(text, tree as Placed, 1);
}

/** Spellings of the operators, by precedence: of two neighbours the one with the higher number binds first. */
const BINARY: Readonly<Record<string, readonly [BinaryOperator | 'in', number]>> = {
  '||': ['or', 1],
  or: ['or', 1],
  '&&': ['and', 2],
  and: ['and', 2],
  '=': ['=', 3],
  '==': ['=', 3],
  '!=': ['<>', 3],
  '<>': ['<>', 3],
  '<': ['<', 3],
  '<=': ['<=', 3],
  '>': ['>', 3],
  '>=': ['>=', 3],
  in: ['in', 3],
  '+': ['+', 4],
  '-': ['-', 4],
  '*': ['*', 5],
  '/': ['/', 5],
  '%': ['%', 5],
};
const AND_PRECEDENCE = 2;
const UNARY: Readonly<Record<string, UnaryOperator>> = { '-': '-', '!': 'not', not: 'not' };

type Placed = jsep.Expression & { start?: number; grouped?: boolean };

jsep.removeAllBinaryOps();
jsep.removeAllUnaryOps();
jsep.removeAllLiterals();
for (const [spelling, [, precedence]] of Object.entries(BINARY)) jsep.addBinaryOp(spelling, precedence);
for (const spelling of Object.keys(UNARY)) jsep.addUnaryOp(spelling);

/** Per parser: the starts of the tokens that are being read. */
const open = new WeakMap<jsep.HookScope, number[]>();

jsep.hooks.add('gobble-token', function (env): void {
  const starts = open.get(this) ?? [];
  open.set(this, starts);
  if (starts.push(this.index) > LIMITS.expressionDepthMax) {
    this.throwError(`More than ${LIMITS.expressionDepthMax} levels of nesting`);
  }
  const character = this.expr.charAt(this.index);
  // jsep runs `after-token` for every token except numbers; reading them here gives them a place too.
  if (/[0-9.]/.test(character)) {
    const number = this.gobbleNumericLiteral();
    if (number) env.node = number;
  }
  if (character === '*' && /\(\s*$/.test(this.expr.slice(0, this.index))) {
    this.index += 1;
    env.node = { type: 'Star' };
  }
});
jsep.hooks.add('after-token', function (env): void {
  const start = open.get(this)?.pop() ?? 0;
  if (!env.node) return;
  if (this.expr.charAt(start) === '(') env.node.grouped = true;
  else env.node.start = start;
});

/** @param above the place to report for a node without a place */
function convert(text: string, node: Placed, above: number, depth = 1): Node {
  const at = node.start === undefined ? above : node.start + 1;
  const fail = (problem: string, hint?: string): never => {
    throw expressionError(text, at, problem, hint);
  };
  if (depth > LIMITS.expressionDepthMax) {
    fail(`More than ${LIMITS.expressionDepthMax} levels of nesting`, 'Split it into several derive steps.');
  }
  const below = (child: unknown): Node => convert(text, child as Placed, at, depth + 1);
  switch (node.type) {
    case 'Star':
      return { kind: 'star', at };
    case 'Literal':
      return typeof node.value === 'string'
        ? { kind: 'string', at, value: node.value }
        : { kind: 'number', at, text: String(node.raw) };
    case 'Identifier':
      return convertName(String(node.name), at);
    case 'ThisExpression':
      return { kind: 'column', at, name: 'this' };
    case 'UnaryExpression':
      return {
        kind: 'unary',
        at,
        operator: UNARY[String(node.operator)] ?? fail(`Unexpected "${String(node.operator)}"`),
        argument: below(node.argument),
      };
    case 'BinaryExpression': {
      const [operator, precedence] =
        BINARY[String(node.operator)] ?? fail(`Unexpected "${String(node.operator)}"`);
      const first = node.left as Placed;
      if (first.operator === 'not' && !first.grouped && precedence > AND_PRECEDENCE) {
        fail(
          '`not` without brackets applies only up to the next operator',
          'Write not (…) around what it negates.',
        );
      }
      const left = below(first);
      if (operator === 'in') {
        return { kind: 'in', at: left.at, value: left, list: listOf(node.right as Placed, fail).map(below) };
      }
      return { kind: 'binary', at: left.at, operator, left, right: below(node.right) };
    }
    case 'CallExpression':
      return convertCall(text, node, at, below);
    case 'Compound': {
      const [, second] = node.body as Placed[];
      if (!second) return fail('The expression is empty');
      throw expressionError(text, (second.start ?? 0) + 1, 'Expected an operator or the end');
    }
    case 'MemberExpression':
      return fail(
        'Unexpected "." or "["',
        'Write col("name") for a column whose name has special characters.',
      );
    case 'ConditionalExpression':
      return fail('Unexpected "?"', 'Write if(condition, then, else).');
    default:
      return fail('Expected a column, a number, a text or a function');
  }
}

function listOf(node: Placed, fail: (problem: string, hint?: string) => never): Placed[] {
  if (!node.grouped) fail('`in` takes a list in brackets', 'Write x in (1, 2).');
  return node.type === 'SequenceExpression' ? (node.expressions as Placed[]) : [node];
}

function convertName(name: string, at: number): Node {
  switch (name) {
    case 'true':
    case 'false':
      return { kind: 'boolean', at, value: name === 'true' };
    case 'null':
      return { kind: 'null', at };
    default:
      return { kind: 'column', at, name };
  }
}

function convertCall(text: string, node: Placed, at: number, below: (child: unknown) => Node): Node {
  const callee = node.callee as Placed;
  if (callee.type !== 'Identifier') {
    throw expressionError(text, at, 'Expected the name of a function before "("');
  }
  const args = (node.arguments as Placed[]).map(below);
  if (callee.name !== 'col') return { kind: 'call', at, name: String(callee.name), args };
  const [name] = args;
  if (args.length !== 1 || name?.kind !== 'string') {
    throw expressionError(text, at, 'col(…) takes the name of one column in quotes', 'Write col("name").');
  }
  return { kind: 'column', at, name: name.value };
}

/** The common messages of jsep in plain words. */
function explainSyntax(description: string): string {
  if (/^Unclosed quote/.test(description)) return 'The quote of a text is not closed';
  if (/^(Unclosed|Expected) \(|^Expected \)/.test(description)) return 'A bracket is not closed';
  if (description === 'missing unaryOp argument') return 'Expected a value after the sign or `not`';
  if (/^Variable names/.test(description)) return 'A number is followed directly by a name';
  return description;
}
