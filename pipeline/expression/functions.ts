/** The functions of a single row. Nulls give null unless the entry says otherwise. */
import { castExactly, castToText } from '../exact-cast';
import { LIMITS } from '../limits';
import { sqlType } from '../sql';
import { BOOLEAN, DATE, FLOAT, INTEGER, STRING, decimal, type ColumnType } from '../types';
import { commonType, nameOfType, readDates, assertFinite, widen, type Operand } from './operand';

export type FunctionResult =
  | { sql: string; type: ColumnType | null; fails?: boolean; literal?: string }
  | { problem: string; at?: number; hint?: string };

export interface ScalarFunction {
  /** How it is called, for messages and the reference docs. */
  usage: string;
  description: string;
  /** Fewest and most arguments. */
  arity: readonly [number, number];
  compile(args: readonly Operand[]): FunctionResult;
}

const MANY = 100;

const text = (usage: string, description: string, sql: (...args: string[]) => string): ScalarFunction =>
  textTo(STRING, usage, description, sql);

/** A function of texts only. */
function textTo(
  type: ColumnType,
  usage: string,
  description: string,
  sql: (...args: string[]) => string,
): ScalarFunction {
  const count = usage.split(',').length;
  return {
    usage,
    description,
    arity: [count, count],
    compile: (args) => expectKinds(args, ['string']) ?? { sql: sql(...args.map((arg) => arg.sql)), type },
  };
}

/** A part of a date or timestamp. */
function datePart(name: 'year' | 'month' | 'day'): ScalarFunction {
  return {
    usage: `${name}(date)`,
    description: `The ${name} of a date or timestamp.`,
    arity: [1, 1],
    compile: (args) =>
      expectKinds(args, ['date', 'timestamp']) ?? { sql: `${name}(${args[0]?.sql})`, type: INTEGER },
  };
}

/** One of several values, all brought to their common type. */
function choice(
  usage: string,
  description: string,
  arity: readonly [number, number],
  sql: (...args: string[]) => string,
  from = 0,
): ScalarFunction {
  return {
    usage,
    description,
    arity,
    compile: (args) => {
      const unified = unify(args.slice(from));
      if ('problem' in unified) return unified;
      return { sql: sql(...args.slice(0, from).map((arg) => arg.sql), ...unified.sqls), type: unified.type };
    },
  };
}

/** The operands in their common type. */
export function unify(
  args: readonly Operand[],
): { sqls: string[]; type: ColumnType | null } | { problem: string; at: number; hint?: string } {
  const read = readDates(args.map(assertFinite));
  if ('problem' in read) return read;
  let type: ColumnType | null = null;
  for (const arg of read) {
    const common = commonType(type, arg.type);
    if (common === undefined) {
      return {
        problem: `${nameOfType(type)} and ${nameOfType(arg.type)} do not belong together`,
        at: arg.at,
        hint: 'Convert one of them in a cast step before.',
      };
    }
    type = common;
  }
  return { sqls: read.map((arg) => widen(arg, type).sql), type };
}

function expectKinds(
  args: readonly Operand[],
  kinds: readonly ColumnType['kind'][],
): FunctionResult | undefined {
  const wrong = args.find(({ type }) => type !== null && !kinds.includes(type.kind));
  if (!wrong) return undefined;
  return {
    problem: `Expected ${kinds.join(' or ')}, found ${nameOfType(wrong.type)}`,
    at: wrong.at,
    hint: 'Convert the column in a cast step before.',
  };
}

const NUMBERS = ['integer', 'decimal', 'float'] as const;

/** A function of one number; what it does to an integer and which type a decimal becomes. */
function numeric(
  usage: string,
  description: string,
  integer: (sql: string) => string,
  sql: (sql: string) => string,
  decimalType: (precision: number, scale: number) => ColumnType,
): ScalarFunction {
  return {
    usage,
    description,
    arity: [1, 1],
    compile: (args) => {
      const wrong = expectKinds(args, NUMBERS);
      if (wrong) return wrong;
      const [{ sql: value, type } = { sql: 'NULL', type: null }] = args.map(assertFinite);
      if (type === null || type.kind === 'integer') return { sql: integer(value), type, fails: true };
      return {
        sql: sql(value),
        type: type.kind === 'decimal' ? decimalType(type.precision, type.scale) : type,
      };
    },
  };
}

const whole = (precision: number): ColumnType => decimal(precision, 0);
const asIs = (sql: string): string => sql;

const round: ScalarFunction = {
  usage: 'round(number, digits)',
  description:
    'Rounds half away from zero to so many digits after the point (0 when left out); exact for decimals.',
  arity: [1, 2],
  compile: ([number, digits]) => {
    const wrong = expectKinds(number ? [number] : [], NUMBERS);
    if (wrong || !number) return wrong ?? { problem: 'Expected a number' };
    const count = Number(digits?.literal ?? (digits ? NaN : 0));
    if (!Number.isInteger(count) || count < 0 || count > 38) {
      return {
        problem: 'The digits of round(…) are a number from 0 to 38',
        ...(digits && { at: digits.at }),
      };
    }
    const { sql, type } = assertFinite(number);
    if (type?.kind === 'float') return { sql: `round(${sql}, ${count})`, type: FLOAT };
    if (type?.kind !== 'decimal' || count >= type.scale) return { sql, type };
    // One digit more before the point: 9.99 becomes 10.0. The cast rounds half away from zero.
    const rounded = decimal(Math.min(38, type.precision - type.scale + 1 + count), count);
    return { sql: `CAST(${sql} AS ${sqlType(rounded)})`, type: rounded, fails: true };
  },
};

const date: ScalarFunction = {
  usage: 'date(value)',
  description:
    'The day of a timestamp, or the date that a text (YYYY-MM-DD) holds; another text fails the run.',
  arity: [1, 1],
  compile: (args) => {
    const wrong = expectKinds(args, ['string', 'date', 'timestamp']);
    const [value] = args;
    if (wrong || !value) return wrong ?? { problem: 'Expected a value' };
    if (value.type?.kind !== 'string') return { sql: `CAST(${value.sql} AS DATE)`, type: DATE };
    return { sql: castExactly(value.sql, STRING, DATE, 'date(…)') ?? 'NULL', type: DATE, fails: true };
  },
};

const substr: ScalarFunction = {
  usage: 'substr(text, start, length)',
  description: 'The characters from `start` (1 is the first), at most `length`, or up to the end.',
  arity: [2, 3],
  compile: (args) =>
    expectKinds(args.slice(0, 1), ['string']) ??
    expectKinds(args.slice(1), ['integer']) ?? {
      sql: `substr(${args.map((arg) => arg.sql).join(', ')})`,
      type: STRING,
      fails: true,
    },
};

const matches: ScalarFunction = {
  usage: 'matches(text, pattern)',
  description: 'Whether a regular expression (RE2) is found anywhere in the text.',
  arity: [2, 2],
  compile: (args) => {
    const [text, pattern] = args;
    const wrong = expectKinds(args, ['string']);
    if (wrong || !text || !pattern) return wrong ?? { problem: 'Expected a text and a pattern' };
    const { literal, at } = pattern;
    if (literal === undefined) return { problem: 'The pattern of matches(…) is a text in quotes', at };
    if (literal.length > LIMITS.patternCharsMax) {
      return { problem: `The pattern has over ${LIMITS.patternCharsMax} characters`, at };
    }
    if (/\(\?(?:[=!]|<[=!])|\\[1-9]/.test(literal)) {
      const hint = 'Patterns are RE2: no (?=…), (?!…), (?<=…), (?<!…) and no \\1.';
      return { problem: 'The pattern looks around or back', at, hint };
    }
    return { sql: `regexp_matches(${text.sql}, ${pattern.sql})`, type: BOOLEAN, fails: true };
  },
};

const concat: ScalarFunction = {
  usage: 'concat(a, b, …)',
  description: 'The values joined as text; a null adds nothing.',
  arity: [1, MANY],
  compile: (args) => ({
    sql: `concat(${args.map((arg) => castToText(assertFinite(arg).sql, arg.type)).join(', ')})`,
    type: STRING,
  }),
};

const condition: ScalarFunction = {
  ...choice(
    'if(condition, then, else)',
    '',
    [3, 3],
    (c, a, b) => `CASE WHEN ${c} THEN ${a} ELSE ${b} END`,
    1,
  ),
  description: '`then` where the condition holds, `else` where it does not or is null.',
};
const compileCondition = condition.compile.bind(condition);
condition.compile = (args) => expectKinds(args.slice(0, 1), ['boolean']) ?? compileCondition(args);

const nullness = (name: string, test: string): ScalarFunction => ({
  usage: `${name}(value)`,
  description: `Whether the value ${test === 'IS NULL' ? 'is' : 'is not'} null; never null itself.`,
  arity: [1, 1],
  compile: ([value]) => ({ sql: `(${value?.sql} ${test})`, type: BOOLEAN }),
});

const nullif: ScalarFunction = {
  usage: 'nullif(value, other)',
  description: 'Null where both are equal, otherwise the value.',
  arity: [2, 2],
  compile: (args) => {
    const unified = unify(args);
    if ('problem' in unified) return unified;
    const [a, b] = unified.sqls;
    return { sql: `nullif(${a}, ${b})`, type: unified.type };
  },
};

const call =
  (name: string) =>
  (...args: string[]): string =>
    `${name}(${args.join(', ')})`;

/** By name; a Map, so that no name of JavaScript's own objects is taken for a function. */
export const FUNCTIONS: ReadonlyMap<string, ScalarFunction> = new Map<string, ScalarFunction>([
  ['coalesce', choice('coalesce(a, b, …)', 'The first value that is not null.', [1, MANY], call('coalesce'))],
  ['nullif', nullif],
  ['if', condition],
  ['least', choice('least(a, b, …)', 'The smallest value; nulls are passed over.', [1, MANY], call('least'))],
  [
    'greatest',
    choice('greatest(a, b, …)', 'The largest value; nulls are passed over.', [1, MANY], call('greatest')),
  ],
  ['is_null', nullness('is_null', 'IS NULL')],
  ['is_not_null', nullness('is_not_null', 'IS NOT NULL')],
  ['abs', numeric('abs(number)', 'The number without its sign.', call('abs'), call('abs'), decimal)],
  ['round', round],
  ['floor', numeric('floor(number)', 'The next whole number below.', asIs, call('floor'), whole)],
  ['ceil', numeric('ceil(number)', 'The next whole number above.', asIs, call('ceil'), whole)],
  ['upper', text('upper(text)', 'In capitals.', call('upper'))],
  ['lower', text('lower(text)', 'In small letters.', call('lower'))],
  [
    'trim',
    text('trim(text)', 'Without spaces, tabs and line breaks at both ends.', (a) => `trim(${a}, ' \t\r\n')`),
  ],
  ['length', textTo(INTEGER, 'length(text)', 'The number of characters.', call('length'))],
  ['concat', concat],
  ['substr', substr],
  ['replace', text('replace(text, from, to)', 'Every `from` in the text becomes `to`.', call('replace'))],
  ['contains', textTo(BOOLEAN, 'contains(text, part)', 'Whether the text holds the part.', call('contains'))],
  ['starts_with', textTo(BOOLEAN, 'starts_with(text, part)', 'Whether it begins so.', call('starts_with'))],
  ['ends_with', textTo(BOOLEAN, 'ends_with(text, part)', 'Whether it ends so.', call('ends_with'))],
  ['matches', matches],
  ['year', datePart('year')],
  ['month', datePart('month')],
  ['day', datePart('day')],
  ['date', date],
]);
