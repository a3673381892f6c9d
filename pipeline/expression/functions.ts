/** The functions of a single row. A null argument gives null unless the entry says otherwise. */
import { castExactly, castToText, keepTexts } from '../exact-cast';
import { sqlType } from '../sql';
import { BOOLEAN, DATE, FLOAT, INTEGER, STRING, decimal, type ColumnType } from '../types';
import { explainPattern, PATTERN_HINT } from './pattern';
import { assertFinite, nameOfType, nameOfUsage, unify, type Operand } from './operand';

type FunctionResult =
  | { sql: string; type: ColumnType | null; fails?: boolean; literal?: string }
  | { problem: string; at?: number; hint?: string };

export interface ScalarFunction {
  /** How it is called, for messages and the reference docs; starts with its name. */
  usage: string;
  description: string;
  /** Minimum and maximum number of arguments. */
  arity: readonly [number, number];
  compile(args: readonly Operand[]): FunctionResult;
}

type Sql = (...args: string[]) => string;

const MANY = 100;

/** A call of the DuckDB function of the same name. */
function sameCall(usage: string): Sql {
  return (...args) => `${nameOfUsage(usage)}(${args.join(', ')})`;
}

/** A function of texts only. */
function ofTexts(
  type: ColumnType,
  usage: string,
  description: string,
  sql = sameCall(usage),
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
      expectKinds(args, ['date', 'timestamp']) ?? {
        // DuckDB has the function for several types, and a bare null has none.
        sql: `${name}(${args[0]?.type ? args[0].sql : 'CAST(NULL AS DATE)'})`,
        type: INTEGER,
      },
  };
}

/** One of several values, all converted to their common type. */
function choice(
  usage: string,
  description: string,
  arity: readonly [number, number] = [1, MANY],
): ScalarFunction {
  const compile = (args: readonly Operand[]): FunctionResult => {
    const unified = unify(args);
    return 'problem' in unified ? unified : { sql: sameCall(usage)(...unified.sqls), type: unified.type };
  };
  return { usage, description, arity, compile };
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

/**
 * A function of one number.
 * @param integer its SQL for an integer; the type stays integer
 * @param decimalType the type of the result for a decimal of this precision and scale
 */
function numeric(
  usage: string,
  description: string,
  integer: Sql,
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
        sql: sameCall(usage)(value),
        type: type.kind === 'decimal' ? decimalType(type.precision, type.scale) : type,
      };
    },
  };
}

const whole = (precision: number): ColumnType => decimal(precision, 0);
const asIs: Sql = (sql = '') => sql;

const round: ScalarFunction = {
  usage: 'round(number, digits)',
  description:
    'Rounds half away from zero to that many digits after the point (default 0); exact for decimals.',
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
  description: 'The date of a timestamp, or of a text in the form YYYY-MM-DD; any other text fails the run.',
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
  description: 'Whether a regular expression (RE2) matches anywhere in the text.',
  arity: [2, 2],
  compile: (args) => {
    const [text, pattern] = args;
    const misfit = expectKinds(args, ['string']);
    if (misfit || !text || !pattern) return misfit ?? { problem: 'Expected a text and a pattern' };
    const { literal, at } = pattern;
    if (literal === undefined) return { problem: 'The pattern of matches(…) is a text in quotes', at };
    const wrong = explainPattern(literal);
    if (wrong !== undefined) return { problem: `The pattern ${wrong}`, at, hint: PATTERN_HINT };
    return { sql: `regexp_matches(${text.sql}, ${pattern.sql})`, type: BOOLEAN, fails: true };
  },
};

const concat: ScalarFunction = {
  usage: 'concat(a, b, …)',
  description: 'The values joined as text; nulls are ignored.',
  arity: [1, MANY],
  compile: (args) => {
    const lost = args.find(({ respelled }) => respelled !== undefined);
    if (lost) {
      const problem = `The column was read as ${nameOfType(lost.type)}, its texts are not known any more`;
      return { problem, at: lost.at, hint: keepTexts(lost.respelled ?? '') };
    }
    return {
      sql: `concat(${args.map((arg) => castToText(assertFinite(arg).sql, arg.type)).join(', ')})`,
      type: STRING,
    };
  },
};

const condition: ScalarFunction = {
  usage: 'if(condition, then, else)',
  description: '`then` where the condition is true, `else` where it is false or null.',
  arity: [3, 3],
  compile: ([test, ...values]) => {
    const wrong = expectKinds(test ? [test] : [], ['boolean']);
    const unified = wrong ?? unify(values);
    if ('problem' in unified || !('sqls' in unified)) return unified;
    const [then, otherwise] = unified.sqls;
    return { sql: `CASE WHEN ${test?.sql} THEN ${then} ELSE ${otherwise} END`, type: unified.type };
  },
};

const nullness = (name: string, is: 'is' | 'is not'): ScalarFunction => ({
  usage: `${name}(value)`,
  description: `Whether the value ${is} null; the result is never null.`,
  arity: [1, 1],
  compile: ([value]) => ({ sql: `(${value?.sql} ${is.toUpperCase()} NULL)`, type: BOOLEAN }),
});

const TRIMMED = ' \t\r\n';

/** By name; a Map, so that no property of JavaScript objects is taken for a function. */
export const FUNCTIONS: ReadonlyMap<string, ScalarFunction> = new Map(
  [
    choice('coalesce(a, b, …)', 'The first value that is not null.'),
    choice('nullif(value, other)', 'Null where both are equal, otherwise the value.', [2, 2]),
    condition,
    choice('least(a, b, …)', 'The smallest value; nulls are ignored.'),
    choice('greatest(a, b, …)', 'The largest value; nulls are ignored.'),
    nullness('is_null', 'is'),
    nullness('is_not_null', 'is not'),
    numeric('abs(number)', 'The number without its sign.', sameCall('abs('), decimal),
    round,
    numeric('floor(number)', 'The largest whole number that is not above the number.', asIs, whole),
    numeric('ceil(number)', 'The smallest whole number that is not below the number.', asIs, whole),
    ofTexts(STRING, 'upper(text)', 'The text in upper case.'),
    ofTexts(STRING, 'lower(text)', 'The text in lower case.'),
    ofTexts(
      STRING,
      'trim(text)',
      'The text without spaces, tabs and line breaks at both ends.',
      (text) => `trim(${text}, '${TRIMMED}')`,
    ),
    ofTexts(INTEGER, 'length(text)', 'The number of characters.'),
    concat,
    substr,
    ofTexts(STRING, 'replace(text, from, to)', 'Every `from` in the text becomes `to`.'),
    ofTexts(BOOLEAN, 'contains(text, part)', 'Whether the text contains the part.'),
    ofTexts(BOOLEAN, 'starts_with(text, part)', 'Whether the text starts with the part.'),
    ofTexts(BOOLEAN, 'ends_with(text, part)', 'Whether the text ends with the part.'),
    matches,
    datePart('year'),
    datePart('month'),
    datePart('day'),
    date,
  ].map((one) => [nameOfUsage(one.usage), one]),
);
