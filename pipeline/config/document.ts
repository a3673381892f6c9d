/** From YAML text to a plain tree, with the line and column of every value. */
import {
  Lexer,
  LineCounter,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
  type Scalar,
} from 'yaml';
import { LIMITS } from '../limits';
import { interpolate, type Env } from './interpolate';
import { explainInexact, parsePlainScalar } from './numbers';
import { show, type Path, type Problem } from './problems';

/** 1-based. */
export interface Position {
  line: number;
  column: number;
}

export interface ConfigDocument {
  /** Plain JSON, interpolated; undefined for an empty file. */
  root: unknown;
  problems: readonly Problem[];
  /** By path, the text as written of every interpolated value: messages show it instead of the value. */
  written: readonly { path: Path; text: string; value: unknown }[];
  /** The nearest place of a path, and whether the whole path exists. */
  locate(path: Path, atKey: boolean): Position & { exact: boolean };
}

/** The text is not valid YAML, or not allowed; its other content is not used. */
export interface SyntaxProblem extends Position {
  message: string;
}

export function parseConfigDocument(text: string, env: Env): ConfigDocument | { syntax: SyntaxProblem[] } {
  const tooDeep = findTooDeep(text);
  if (tooDeep) return { syntax: [tooDeep] };
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: 'core',
    merge: false,
    // The check of the library compares every key with every other.
    uniqueKeys: false,
  });
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    ...position(error.pos[0]),
    message: SYNTAX_MESSAGES[error.code] ?? `not valid YAML: ${error.message}.`,
  }));
  syntax.push(
    ...findDuplicateKeys(document).map((offset) => ({ ...position(offset), message: DUPLICATE_KEY })),
  );
  if (document.directives?.yaml.explicit && document.directives.yaml.version !== '1.2') {
    syntax.push({
      line: 1,
      column: 1,
      message: 'found a %YAML directive, expected none: files are YAML 1.2.',
    });
  }
  const unquoted = syntax.find(({ line }) => UNQUOTED.test(text.split(/\r\n|\r|\n/)[line - 1] ?? ''));
  if (unquoted) return { syntax: [{ ...unquoted, message: UNQUOTED_MESSAGE }] };
  if (syntax.length) return { syntax };
  const tree = readTree(document, env);
  const locate: ConfigDocument['locate'] = (path, atKey) => {
    const { offset, exact } = findOffset(document, path, atKey);
    return { ...position(offset), exact };
  };
  return { ...tree, locate };
}

/** `${…}` that is a value between braces or brackets: YAML takes its brace for one of its own. */
const UNQUOTED = /[[{].*[:,[]\s*\$\{/;
const UNQUOTED_MESSAGE = 'put ${…} in quotes where it is between braces or brackets: {value: "${NAME}"}.';

const DUPLICATE_KEY = 'this key is written twice, expected once.';

const SYNTAX_MESSAGES: Readonly<Record<string, string>> = {
  TAG_RESOLVE_FAILED: 'found a YAML tag (!…), expected none: pipeline files hold plain values only.',
  MULTIPLE_DOCS: 'found a second YAML document (---), expected one pipeline per file.',
  TAB_AS_INDENT: 'found a tab, expected spaces for indentation.',
};

/** Offsets of keys that are in their section already. */
function findDuplicateKeys(document: Document.Parsed): number[] {
  const found: number[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const value = isScalar(key) ? key.value : key;
        if (seen.has(value)) found.push(offsetOf(key) ?? 0);
        seen.add(value);
      }
    },
  });
  return found;
}

/** The library recurses: a deeply nested file would overflow the stack. */
function findTooDeep(text: string): SyntaxProblem | undefined {
  const message = `nested deeper than ${LIMITS.yamlDepthMax} levels, the limit for a pipeline file.`;
  const lines = text.split(/\r\n|\r|\n/);
  const line = lines.findIndex((one) => {
    const indicators = /^(?: *[-?:][ \t])+/.exec(one)?.[0] ?? '';
    return indicators.replace(/[ \t]/g, '').length > LIMITS.yamlDepthMax || /^ */.exec(one)![0].length > 1000;
  });
  if (line >= 0) return { line: line + 1, column: 1, message };
  let depth = 0;
  let row = 1;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    else if (token === '\n' || token === '\r\n') row += 1;
    if (depth > LIMITS.yamlDepthMax) return { line: row, column: 1, message };
  }
  return undefined;
}

function readTree(
  document: Document.Parsed,
  env: Env,
): Pick<ConfigDocument, 'root' | 'problems' | 'written'> {
  const problems: Problem[] = [];
  const written: { path: Path; text: string; value: unknown }[] = [];
  let aliases = 0;

  const read = (node: unknown, path: Path): unknown => {
    if (isAlias(node)) {
      // Expansions are counted, nested ones too, so aliases of aliases cannot multiply.
      aliases += 1;
      if (aliases > LIMITS.yamlAliasesMax) return null;
      return read(node.resolve(document), path);
    }
    if (isMap(node)) return readMap(node.items, path);
    if (isSeq(node)) return node.items.map((item, index) => read(item, [...path, index]));
    return isScalar(node) ? readScalar(node, path) : null;
  };

  const readMap = (pairs: readonly Pair[], path: Path): Record<string, unknown> => {
    const map: Record<string, unknown> = {};
    for (const pair of pairs) {
      const key = isScalar(pair.key) ? pair.key.value : pair.key;
      if (key === '__proto__') {
        problems.push({ path: [...path, key], message: 'this key is not allowed.', atKey: true });
      } else if (key === '<<') {
        const message = 'YAML merge keys are not supported. Write the keys out.';
        problems.push({ path: [...path, key], message, atKey: true });
      } else if (typeof key === 'string') {
        map[key] = read(pair.value, [...path, key]);
      } else {
        const found = isScalar(pair.key) ? show(pair.key.value) : 'a list, a section or an alias';
        problems.push({
          path,
          message: `found ${found} as a key, expected a text. Put it in quotes.`,
          atKey: true,
        });
      }
    }
    return map;
  };

  const readScalar = (scalar: Scalar, path: Path): unknown => {
    if (typeof scalar.value === 'number') {
      const message = explainInexact(scalar.source ?? '', scalar.value);
      if (message) problems.push({ path, message });
      return scalar.value;
    }
    if (typeof scalar.value !== 'string') return scalar.value;
    const done = interpolate(scalar.value, env);
    problems.push(...done.problems.map((message) => ({ path, message })));
    const value = done.whole && scalar.type === 'PLAIN' ? readPlain(done.text, path) : done.text;
    if (done.changed) written.push({ path, text: scalar.value, value });
    return value;
  };

  const readPlain = (text: string, path: Path): unknown => {
    const { value, problem } = parsePlainScalar(text);
    if (problem) problems.push({ path, message: problem });
    return value;
  };

  const root = document.contents === null ? undefined : read(document.contents, []);
  if (aliases > LIMITS.yamlAliasesMax) {
    const message = `more than ${LIMITS.yamlAliasesMax} YAML aliases (*name) to expand. Write the values out.`;
    return { root, written, problems: [{ path: [], message }] };
  }
  return { root, problems, written };
}

/** The place of a path in the text; if the path does not exist, the place of its last part that does. */
function findOffset(
  document: Document.Parsed,
  path: Path,
  atKey: boolean,
): { offset: number; exact: boolean } {
  let node: unknown = document.contents;
  let keyOffset: number | undefined;
  let exact = true;
  for (const segment of path) {
    const inner = isAlias(node) ? node.resolve(document) : node;
    const pair = isMap(inner)
      ? inner.items.find((item) => isScalar(item.key) && item.key.value === segment)
      : undefined;
    const next = pair ? pair.value : isSeq(inner) ? inner.items[Number(segment)] : undefined;
    if (!pair && next === undefined) {
      exact = false;
      break;
    }
    keyOffset = pair ? offsetOf(pair.key) : offsetOf(next);
    node = next;
  }
  const value = offsetOf(node);
  // A missing key is shown at its section.
  const offset = (atKey || !exact ? keyOffset : value) ?? value ?? keyOffset ?? 0;
  return { offset, exact };
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
