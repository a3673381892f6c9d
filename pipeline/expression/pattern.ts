/** The syntax of regular expressions as DuckDB reads them: RE2, see https://github.com/google/re2/wiki/Syntax. */
import { LIMITS } from '../limits';

export const PATTERN_HINT = 'Patterns are RE2: https://github.com/google/re2/wiki/Syntax.';

const REPEATS_MAX = 1000;
const ESCAPE =
  /^\\(?:[pP](?:\{\^?\w+\}|[A-Z])|x(?:[0-9a-fA-F]{2}|\{[0-9a-fA-F]{1,6}\})|0[0-7]{0,2}|[1-7][0-7]{1,2}|[!-/:-@[-`{-~\s]|[aftnrvdDsSwWbBAzCQ])/u;
const GROUP = /^\((?:\?(?:P?<[A-Za-z_]\w*>|[imsU]*(?:-[imsU]+)?[:)]))?/;
const REPETITION = /^(?:[*+?]|\{(\d+)(?:,(\d*))?\})/;

type Repeatable = 'nothing' | 'something' | 'repetition';

/**
 * What is wrong with a pattern; undefined for a good one.
 * @returns the problem as the end of a sentence, as in `The pattern has a ( that is not closed`
 */
export function explainPattern(pattern: string): string | undefined {
  if (pattern.length > LIMITS.patternCharsMax) return `has over ${LIMITS.patternCharsMax} characters`;
  let rest = pattern;
  let depth = 0;
  const names = new Set<string>();
  // What a repetition would repeat; a repetition itself cannot be repeated.
  let before: Repeatable = 'nothing';
  const take = (text: string): void => void (rest = rest.slice(text.length));
  while (rest !== '') {
    const repetition = REPETITION.exec(rest);
    if (repetition) {
      const [text, least, most] = repetition;
      if (before === 'nothing') return `repeats nothing with ${text}`;
      if (before === 'repetition') return `repeats a repetition with ${text}`;
      if (Number(least ?? 0) > REPEATS_MAX || Number(most || 0) > REPEATS_MAX)
        return `repeats more than ${REPEATS_MAX} times with ${text}`;
      if (most && Number(least) > Number(most))
        return `has the repetition ${text}, whose minimum is above its maximum`;
      take(text);
      // Repeats as few times as possible.
      if (rest.startsWith('?')) take('?');
      before = 'repetition';
      continue;
    }
    const atom: Repeatable = before;
    before = 'something';
    const character = [...rest][0] ?? '';
    if (character === '(') {
      if (/^\(\?(?:[=!]|<[=!])/.test(rest)) return 'uses a lookaround such as (?=…), which RE2 does not have';
      const group = GROUP.exec(rest)?.[0] ?? '(';
      if (group === '(' && rest.startsWith('(?')) return `has an unknown kind of group, ${rest.slice(0, 4)}`;
      const name = /<(\w+)>/.exec(group)?.[1];
      if (name !== undefined && names.has(name)) return `has two groups called ${name}`;
      if (name !== undefined) names.add(name);
      take(group);
      // Flags such as (?i) are no group: what comes before them is repeated.
      if (group.endsWith(')')) before = atom === 'nothing' ? 'nothing' : 'something';
      else [depth, before] = [depth + 1, 'nothing'];
    } else if (character === ')') {
      if (depth === 0) return 'has a ) without a (';
      depth -= 1;
      take(')');
    } else if (character === '|') {
      take('|');
      before = 'nothing';
    } else if (character === '[') {
      const found = readClass(rest);
      if ('problem' in found) return found.problem;
      take(found.text);
    } else if (character === '\\') {
      const escape = ESCAPE.exec(rest)?.[0];
      if (escape === undefined || rest === '\\') return explainEscape(rest);
      // Up to \E, or to the end, everything is text.
      take(escape === '\\Q' ? /^\\Q[^]*?(?:\\E|$)/.exec(rest)![0] : escape);
    } else take(character);
  }
  return depth > 0 ? 'has a ( that is not closed' : undefined;
}

function explainEscape(rest: string): string {
  if (rest === '\\') return 'ends with a backslash';
  if (/^\\[1-9]/.test(rest)) return `uses the back-reference ${rest.slice(0, 2)}, which RE2 does not have`;
  return `has the unknown escape ${rest.slice(0, 2)}`;
}

/** A list of characters from its `[` on. */
function readClass(rest: string): { text: string } | { problem: string } {
  let text = /^\[\^?\]?/.exec(rest)![0];
  // The character before, where a - would make a range of it.
  let from: Character | undefined = text.endsWith(']') ? readCharacter(']') : undefined;
  for (;;) {
    const left = rest.slice(text.length);
    if (left === '') return { problem: 'has a [ that is not closed' };
    if (left.startsWith(']')) return { text: `${text}]` };
    const named = /^\[:\^?\w+:\]/.exec(left)?.[0];
    if (named !== undefined) {
      [text, from] = [text + named, undefined];
      continue;
    }
    if (from !== undefined && /^-[^\]]/u.test(left)) {
      const to = readCharacter(left.slice(1));
      if (to === undefined) return { problem: explainEscape(left.slice(1)) };
      if (to.isClass) return { problem: `has the range ${from.text}-${to.text}, whose end is no character` };
      if (from.code !== undefined && to.code !== undefined && from.code > to.code)
        return { problem: `has the range ${from.text}-${to.text}, which is the wrong way round` };
      [text, from] = [`${text}-${to.text}`, undefined];
      continue;
    }
    const one = readCharacter(left);
    if (one === undefined) return { problem: explainEscape(left) };
    [text, from] = [text + one.text, one.isClass ? undefined : one];
  }
}

interface Character {
  text: string;
  /** Its code point; undefined for an escape by number or by letter. */
  code?: number | undefined;
  /** It stands for many, as \d does. */
  isClass: boolean;
}

/** The first character of a list, or its escape; undefined for an escape that a list cannot have. */
function readCharacter(left: string): Character | undefined {
  if (!left.startsWith('\\')) {
    const text = [...left][0] ?? '';
    return { text, code: text.codePointAt(0), isClass: false };
  }
  const text = ESCAPE.exec(left)?.[0];
  if (text === undefined || /^\\[bBAzCQE]/.test(text)) return undefined;
  const isItself = /^\\[^\w]$/u.test(text);
  return { text, code: isItself ? text.codePointAt(1) : undefined, isClass: /^\\[dDsSwWpP]/.test(text) };
}
