/** Secrets of a pipeline file: it has only their names, so a `${…}` in a secret is an error. */
import type { ConfigDocument } from './document';
import { findOptions } from './find-options';
import { inFile, type Layout } from './layout';
import type { Override } from './overrides';
import { startsWith, type Path, type Problem } from './problems';
import { optionsOf, type Plugins } from './schema';

/**
 * Replaces problems with a `${…}` in a secret by one that shows how a secret is written.
 * @param problems with paths of the file
 */
export function refuseInterpolation(
  problems: readonly Problem[],
  document: ConfigDocument,
  layout: Layout,
  plugins: Plugins,
  overrides: readonly Override[],
): Problem[] {
  const fromEnvironment = [...document.written, ...document.problems].map(({ path }) => path);
  const wrong = findSecrets(layout.sections, plugins)
    .filter((path) => !overrides.some((override) => startsWith(path, override.path)))
    .map((path) => inFile({ path, message: MESSAGE }, layout))
    .filter((secret) => fromEnvironment.some((path) => startsWith(path, secret.path)));
  const others = problems.filter(({ path }) => !wrong.some((secret) => startsWith(path, secret.path)));
  return [...others, ...wrong];
}

const MESSAGE =
  'found "${…}", expected {secret: NAME}: the value of a secret is looked up by the workers, when it is used. Set NAME, or NAME_FILE, in their environment.';

/** Paths of all secrets, in the canonical form. */
function findSecrets(sections: Record<string, unknown>, plugins: Plugins): Path[] {
  const uses: [path: Path, use: unknown, plugins: readonly Plugins[keyof Plugins][number][]][] = [
    [['source'], sections.source, plugins.sources],
    ...listOf(sections.transformations, 'transformations', plugins.transforms),
    ...listOf(sections.targets, 'targets', plugins.targets),
  ];
  return uses.flatMap(([path, use, known]) => {
    const plugin = known.find(({ type }) => type === (use as { type?: unknown } | null | undefined)?.type);
    const options = plugin ? findOptions(optionsOf(plugin), use) : [];
    return options.filter(({ kind }) => kind === 'secret').map((option) => [...path, ...option.path]);
  });
}

function listOf<P>(uses: unknown, section: string, plugins: P): [Path, unknown, P][] {
  return Array.isArray(uses) ? uses.map((use, index) => [[section, index], use, plugins]) : [];
}
