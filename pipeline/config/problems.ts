/** What is wrong with a pipeline file, in words by which its author can fix it. */
import type { z } from 'zod';
import { LIMITS } from '../limits';
import { suggest } from '../suggest';

/** Keys and indexes from the root, as in `['targets', 0, 'table']`. */
export type Path = readonly (string | number)[];

export interface Problem {
  path: Path;
  /** What was found, what was expected, and what was probably meant; ends with a full stop or question mark. */
  message: string;
  /** Points at the key instead of its value. */
  atKey?: boolean;
}

type Issue = z.core.$ZodIssue;
type RawIssue = z.core.$ZodRawIssue;

export function startsWith(path: Path, prefix: Path): boolean {
  return prefix.every((segment, index) => path[index] === segment);
}

/**
 * The message of a zod issue; for zod's `error` parameter. Messages of a schema take precedence.
 * An issue about several unknown keys has one line for each, in the order of `keys`.
 */
export function describeIssue(issue: RawIssue): string | undefined {
  if (issue.code === 'custom') return undefined;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.inst);
    return issue.keys
      .slice(0, LIMITS.problemsMax + 1)
      .map((key) => unknownKey(key, known))
      .join('\n');
  }
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined) return unknownType(issue);
  const expected = expectationOf(issue);
  return issue.input === undefined
    ? `missing, expected ${expected}.`
    : `found ${show(issue.input)}, expected ${expected}.${nearValue(issue)}`;
}

export function unknownKey(key: string, known: readonly string[]): string {
  const near = suggest(key, known);
  return near
    ? `unknown key. Did you mean "${near}"?`
    : `unknown key, expected ${known.length ? `one of ${known.join(', ')}` : 'none here'}.`;
}

/**
 * All problems of a failed parse; for a union only those of the branch that fits best.
 * @param input what was parsed
 */
export function problemsOf(issues: readonly Issue[], input: unknown, prefix: Path = []): Problem[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
    if (issue.code === 'unrecognized_keys') {
      const lines = issue.message.split('\n');
      return issue.keys.slice(0, LIMITS.problemsMax + 1).map((key, index) => ({
        path: [...path, key],
        message: lines[index] ?? '',
        atKey: true,
      }));
    }
    if (issue.code === 'invalid_union') {
      // The branch that was meant accepts the value itself, and has problems only inside it.
      const meant = issue.errors.find((branch) => branch.length && branch.every((inner) => isInside(inner)));
      if (meant) return problemsOf(meant, input, path);
    }
    const message = withFound(issue.message, valueAt(input, path));
    return [{ path, message, ...(issue.code === 'invalid_key' && { atKey: true }) }];
  });
}

/** Gives the messages of schemas (`must be one character`) the form of the others. */
function withFound(message: string, value: unknown): string {
  if (OURS.test(message)) return message;
  const sentence = /[.?!]$/.test(message) ? message : `${message}.`;
  if (value === undefined || typeof value === 'object') return sentence;
  if (value !== '' && message.includes(String(value))) return sentence;
  return MUST_BE.test(message)
    ? `found ${show(value)}, expected ${sentence.replace(MUST_BE, '')}`
    : `found ${show(value)}: ${sentence}`;
}

const OURS = /^(?:found|missing|unknown)\b/;
const MUST_BE = /^must be /;

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, part) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part)
        ? (inner as Record<string | number, unknown>)[part]
        : undefined,
    value,
  );
}

function isInside(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys';
}

/** A value as it is shown in messages: short, and on one line. */
export function show(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length ? 'a list' : 'an empty list';
  if (typeof value === 'object') return 'a section with keys';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > LIMITS.valueCharsMax ? `${text.slice(0, LIMITS.valueCharsMax)}…` : text;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section with keys',
  record: 'a section with keys',
  null: 'nothing',
};

function expectationOf(issue: Issue | RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_WORDS[issue.expected] ?? `a value of type ${issue.expected}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? show(issue.values[0])
        : `one of ${issue.values.map(plain).join(', ')}`;
    case 'too_small':
      return boundOf(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return boundOf(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    case 'invalid_format':
      return issue.pattern ? `a text that matches ${issue.pattern}` : `a valid ${issue.format}`;
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'invalid_key':
      return `a key that is ${expectationsOf(issue.issues, ' and ')}`;
    case 'invalid_union':
      return expectationsOf(
        (issue.errors ?? []).flatMap((branch: readonly Issue[]) => branch.slice(0, 1)),
        ' or ',
      );
    default:
      return 'another value';
  }
}

function expectationsOf(issues: readonly Issue[], between: string): string {
  const words = issues.map((issue) =>
    !issue.message || OURS.test(issue.message) ? expectationOf(issue) : issue.message.replace(MUST_BE, ''),
  );
  return [...new Set(words)].join(between);
}

function boundOf(origin: string, relation: string, bound: number | bigint): string {
  if (origin === 'string')
    return bound === 1n || bound === 1 ? 'a text that is not empty' : `${relation} ${bound} characters`;
  if (origin === 'array') return `${relation} ${bound} ${bound === 1n || bound === 1 ? 'entry' : 'entries'}`;
  return `${relation} ${bound}`;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : show(value);
}

function nearValue(issue: RawIssue): string {
  if (issue.code !== 'invalid_value' || typeof issue.input !== 'string' || issue.values.length < 2) return '';
  const near = suggest(
    issue.input,
    issue.values.filter((value) => typeof value === 'string'),
  );
  return near ? ` Did you mean "${near}"?` : '';
}

function unknownType(issue: RawIssue & { code: 'invalid_union' }): string {
  const known = Array.isArray(issue.options) ? issue.options.map(String) : [];
  const key = String(issue.discriminator ?? 'type');
  const type = (issue.input as Record<string, unknown> | undefined)?.[key];
  const expected = `expected one of ${known.join(', ')}.`;
  if (type === undefined) return `missing, ${expected}`;
  const near = typeof type === 'string' ? suggest(type, known) : undefined;
  return `unknown ${key} ${show(type)}, ${expected}${near ? ` Did you mean "${near}"?` : ''}`;
}

/** The known keys of a section; issues do not have them. */
function knownKeys(schema: unknown): string[] {
  const shape = (schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape;
  return Object.keys(shape ?? {});
}
