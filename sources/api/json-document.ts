/** A JSON body: what a JSONPath selects in it, as it is written. */
import { exec, query } from 'jsonpath-rfc9535';
import { messageOf } from '../../pipeline/errors';
import { jsonElements, jsonMembers, jsonValue, type JsonSpan } from '../../pipeline/json-text';

export interface JsonDocument {
  text: string;
  /** Without digits that a double does not have: only to find paths. */
  value: unknown;
  /**
   * What a path selects, in order.
   * @throws Error when it is nested too deeply, or a key on the way is there twice
   */
  select(path: string): JsonNode[];
}

export interface JsonNode extends JsonSpan {
  value: unknown;
}

/** @throws SyntaxError */
export function parseDocument(text: string): JsonDocument {
  const value = JSON.parse(text) as unknown;
  const spans = new Map<string, ReadonlyMap<string | number, JsonSpan>>();
  const root = jsonValue(text);
  /** The place of a normalized path: each container on the way is scanned once. */
  const locate = (steps: readonly (string | number)[]): JsonSpan => {
    let span = root;
    let key = '';
    for (const step of steps) {
      let children = spans.get(key);
      if (!children) spans.set(key, (children = childrenOf(text, span.start)));
      span = children.get(step) ?? { start: 0, end: 0 };
      key += `/${JSON.stringify(step)}`;
    }
    return span;
  };
  return {
    text,
    value,
    select(path) {
      if (path === '$') return [{ ...root, value }];
      const nodes: JsonNode[] = [];
      exec(value as Parameters<typeof exec>[0], path, (found, at) => {
        nodes.push({ ...locate(at), value: found });
      });
      return nodes;
    },
  };
}

/** @throws Error for a key that is there twice: which one is meant? */
function childrenOf(text: string, start: number): Map<string | number, JsonSpan> {
  if (text[start] === '[') return new Map(jsonElements(text, start).map((span, index) => [index, span]));
  const children = new Map<string | number, JsonSpan>();
  for (const { key, ...span } of jsonMembers(text, start)) {
    if (children.has(key)) throw new Error(`the key "${key.slice(0, 80)}" is there twice`);
    children.set(key, span);
  }
  return children;
}

/** Where the next cursor or address comes from. */
export type Origin =
  { kind: 'body'; path: string } | { kind: 'last_record'; path: string } | { kind: 'header'; name: string };

export const jsonPath = {
  /** What is wrong with a path; undefined: nothing. */
  problem(path: string): string | undefined {
    try {
      query(null, path);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  },
  /** `$.path`, `header:Name` or `last_record:$.path`. */
  origin(text: string): Origin | { problem: string } {
    const [, name] = /^header:\s*(\S+)$/.exec(text) ?? [];
    if (name !== undefined) return { kind: 'header', name: name.toLowerCase() };
    const kind = text.startsWith('last_record:') ? 'last_record' : 'body';
    const path = text.replace(/^last_record:\s*/, '');
    const problem = path.startsWith('$')
      ? jsonPath.problem(path)
      : 'must be $.path, header:Name or last_record:$.path';
    return problem === undefined ? { kind, path } : { problem };
  },
  /**
   * The path of the list whose entries a path selects: `$.items` of `$.items[*]` and `$.items[?@.ok]`.
   * @returns undefined for a path without such an end
   */
  list(path: string): string | undefined {
    let open = -1;
    let quote = '';
    let depth = 0;
    for (let at = 0; at < path.length; at += 1) {
      const char = path[at] ?? '';
      if (quote) {
        if (char === '\\') at += 1;
        else if (char === quote) quote = '';
      } else if (char === '"' || char === "'") quote = char;
      else if (char === '[' && depth++ === 0) open = at;
      else if (char === ']') depth -= 1;
    }
    if (path.endsWith('.*')) return path.slice(0, -2);
    const last = path.endsWith(']') && open > 0 ? path.slice(open + 1, -1).trim() : '';
    return last === '*' || last.startsWith('?') ? path.slice(0, open) : undefined;
  },
} as const;
