/** `--set a.b=c`: changes to a pipeline from the command line, made before anything is checked. */
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { parsePlainScalar } from './numbers';
import { show, type Path, type Problem } from './problems';

export interface Override {
  /** Relative to `pipeline`: `['source', 'path']`; `target` is `targets.0`. */
  path: Path;
  value: unknown;
  /** As in messages: `--set source.path`. */
  label: string;
}

type Sections = Record<string, unknown>;

/**
 * Reads one `a.b=c`. The value is a number, `true`, `false`, `null`, or YAML that starts with a bracket or a
 * quote; everything else is plain text, so that `|`, `>` and `,` need no quotes.
 */
export function parseOverride(text: string): Override | { label: string; problem: string } {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(equals, 0)).trim();
  if (!name || name.split('.').some((part) => part === '' || part === '__proto__')) {
    return { label: `--set ${text}`, problem: 'expected key=value, as in source.path=data/sales.csv.' };
  }
  const label = `--set ${name}`;
  const parts = name.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const path = parts[0] === 'target' ? ['targets', 0, ...parts.slice(1)] : parts;
  const parsed = parseValue(text.slice(equals + 1));
  return parsed.problem === undefined
    ? { path, value: parsed.value, label }
    : { label, problem: parsed.problem };
}

function parseValue(text: string): { value: unknown; problem?: string } {
  if (text === 'null' || text === '~') return { value: null };
  if (!/^[[{"']/.test(text)) return parsePlainScalar(text);
  const document = parseDocument(text, { schema: 'core', merge: false, prettyErrors: false });
  const [error] = [...document.errors, ...document.warnings];
  const contents = document.contents;
  if (error || !(isMap(contents) || isSeq(contents) || isScalar(contents))) {
    return { value: text, problem: `not a valid value: ${error?.message ?? 'nothing found'}.` };
  }
  return { value: document.toJS({ maxAliasCount: 0 }) as unknown };
}

/** Puts the value into the sections; missing sections on the way are created. */
export function applyOverride(sections: Sections, override: Override): Problem | undefined {
  const { path, value } = override;
  let parent: unknown = sections;
  for (const [depth, segment] of path.entries()) {
    const last = depth === path.length - 1;
    if (Array.isArray(parent)) {
      if (typeof segment !== 'number' || segment > parent.length) {
        return {
          path,
          message: `"${segment}" is not an entry of a list of ${parent.length}; the first entry is 0.`,
        };
      }
      if (last) parent[segment] = value;
      else parent = parent[segment] ??= {};
    } else if (typeof parent === 'object' && parent !== null) {
      const map = parent as Sections;
      if (last) map[segment] = value;
      else if (Object.hasOwn(map, segment) && map[segment] !== null) parent = map[segment];
      else parent = map[segment] = typeof path[depth + 1] === 'number' ? [] : {};
    } else {
      return { path, message: `${path.slice(0, depth).join('.')} is ${show(parent)}, which has no keys.` };
    }
  }
  return undefined;
}
