/** `--set a.b=c`: changes to a pipeline from the command line, made before anything is checked. */
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { interpolate, type Env } from './interpolate';
import { parsePlainScalar } from './numbers';
import { show, type Path, type Problem } from './problems';

export interface Override {
  /** Relative to `pipeline`: `['source', 'path']`; `target` is `targets.0`. */
  path: Path;
  value: unknown;
  /** As in messages: `--set source.path`, or `configs/defaults.yaml:3:5 source.path`. */
  label: string;
  /** The texts as written of interpolated values: messages show them instead of the values. */
  written: readonly { text: string; value: unknown }[];
}

/** One that cannot be used, and why. */
export interface BrokenOverride {
  label: string;
  problem: string;
}

type Sections = Record<string, unknown>;

/**
 * Reads one `a.b=c`. The value is a number, `true`, `false`, `null`, or YAML that starts with a bracket or a
 * quote; everything else is plain text, so that `|`, `>` and `,` need no quotes. `${VAR}` is put in as in the file.
 */
export function parseOverride(text: string, env: Env): Override | BrokenOverride {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(equals, 0)).trim();
  if (!name || name.split('.').some((part) => part === '' || part === '__proto__')) {
    return { label: `--set ${text}`, problem: 'expected key=value, as in source.path=data/sales.csv.' };
  }
  const label = `--set ${name}`;
  const parts = name.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const path = parts[0] === 'target' ? ['targets', 0, ...parts.slice(1)] : parts;
  const raw = text.slice(equals + 1);
  const isPlain = !/^[[{"']/.test(raw);
  const parsed = isPlain ? parsePlain(raw) : parseYaml(raw);
  if (parsed.problem !== undefined) return { label, problem: parsed.problem };
  const { value, written, problem } = interpolateTexts(parsed.value, isPlain, env);
  return problem === undefined ? { path, value, label, written } : { label, problem };
}

function interpolateTexts(
  tree: unknown,
  isPlain: boolean,
  env: Env,
): Pick<Override, 'value' | 'written'> & { problem: string | undefined } {
  const written: { text: string; value: unknown }[] = [];
  const problems: string[] = [];
  const visit = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node === 'object' && node !== null)
      return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, visit(value)]));
    if (typeof node !== 'string') return node;
    const done = interpolate(node, env);
    problems.push(...done.problems);
    // Inside brackets a "${…}" is in quotes: always a text.
    const plain = done.whole && node === tree && isPlain ? parsePlainScalar(done.text) : { value: done.text };
    if (plain.problem !== undefined) problems.push(plain.problem);
    if (done.changed) written.push({ text: node, value: plain.value });
    return plain.value;
  };
  return { value: visit(tree), written, problem: problems[0] };
}

function parsePlain(text: string): { value: unknown; problem?: string } {
  return text === 'null' || text === '~' ? { value: null } : parsePlainScalar(text);
}

function parseYaml(text: string): { value: unknown; problem?: string } {
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
