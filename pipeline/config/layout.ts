/** Where sections are in a file: under `pipeline:` or at the top level; `target:` stands for `targets:`. */
import { LIMITS } from '../limits';
import { show, unknownKey, type Path, type Problem } from './problems';

/** The sections of a file, and where each of them was. */
export interface Layout {
  sections: Record<string, unknown>;
  /** The path in the file of each section, as `['pipeline', 'source']`. */
  origins: ReadonlyMap<string, Path>;
  /** `target:` was written instead of `targets:`. */
  single: boolean;
  problems: Problem[];
  /** False: the file has no sections that could be checked. */
  usable: boolean;
}

/**
 * @param known the sections of the canonical form, `version` included
 * @param at where they stand in the file; default: at its top
 */
export function readLayout(root: unknown, known: readonly string[], at: Path = []): Layout {
  const names = known.filter((key) => key !== 'version');
  names.splice(names.indexOf('targets'), 0, 'target');
  const sections: Record<string, unknown> = {};
  const origins = new Map<string, Path>();
  const layout: Layout = { sections, origins, single: false, problems: [], usable: isSection(root) };
  const complain = (path: Path, message: string): void => {
    if (layout.problems.length <= LIMITS.problemsMax) layout.problems.push({ path, message, atKey: true });
  };
  if (!isSection(root)) {
    complain(
      at,
      at.length > 0
        ? `found ${show(root)}, expected sections, as in source: {path: …}.`
        : `found ${root === undefined ? 'an empty file' : show(root)}, expected version: and pipeline:.`,
    );
    return layout;
  }
  const take = (parent: Record<string, unknown>, path: Path, others: readonly string[]): void => {
    for (const [key, value] of Object.entries(parent)) {
      if (others.includes(key)) continue;
      const here = [...path, key];
      if (!names.includes(key)) {
        complain(here, unknownKey(key, [...others, ...names]));
        continue;
      }
      const section = key === 'target' ? 'targets' : key;
      const before = origins.get(section);
      if (before) {
        complain(here, `is written twice, also as ${before.join('.')}, expected one of the two.`);
        continue;
      }
      origins.set(section, here);
      if (key === 'target') layout.single = true;
      sections[section] = key === 'target' ? [value] : value;
    }
  };
  if ('version' in root) sections.version = root.version;
  if (isSection(root.pipeline)) take(root.pipeline, [...at, 'pipeline'], []);
  else if ('pipeline' in root) {
    layout.problems.push({
      path: [...at, 'pipeline'],
      message: `found ${show(root.pipeline)}, expected a section with keys.`,
    });
    layout.usable = false;
  }
  take(root, at, ['version', 'pipeline']);
  // Missing sections are reported where the others are.
  if ('pipeline' in root) {
    for (const key of names) if (!origins.has(key)) origins.set(key, [...at, 'pipeline', key]);
  }
  return layout;
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The same problem with the path that it has in the file. */
export function inFile(problem: Problem, layout: Layout): Problem {
  const [section = '', ...rest] = problem.path;
  const origin = layout.origins.get(String(section)) ?? [section];
  const single = layout.single && section === 'targets' && rest[0] === 0;
  return { ...problem, path: [...origin, ...(single ? rest.slice(1) : rest)] };
}
