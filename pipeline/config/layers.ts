/**
 * Values of a pipeline that stand outside its own sections: in the project's defaults, below the file, and in the
 * environment that is chosen, above it. They become overrides, as those of `--set`, with their places as labels.
 *
 * Maps are merged key by key; everything else, lists too, is replaced as a whole. A section of another `type` is replaced.
 */
import { suggest } from '../suggest';
import { parseConfigDocument, type ConfigDocument } from './document';
import type { Env } from './interpolate';
import { inFile, readLayout, type Layout } from './layout';
import { applyOverride, type BrokenOverride, type Override } from './overrides';
import { show, startsWith, type Path } from './problems';

/** A file as written. */
export interface DefaultsFile {
  text: string;
  /** As messages show it: `configs/defaults.yaml`. */
  file: string;
}

export interface LayersInput {
  document: ConfigDocument;
  /** Of the pipeline file; its `environments` are taken out. */
  layout: Layout;
  file: string;
  env: Env;
  defaults: DefaultsFile | undefined;
  environment: string | undefined;
  /** The sections of the canonical form. */
  known: readonly string[];
}

type Found = (Override | BrokenOverride)[];
type Sections = Record<string, unknown>;

/** What one place says of the sections. */
interface Layer {
  document: ConfigDocument;
  layout: Layout;
  file: string;
}

/** @returns overrides in the order in which they apply, and what is wrong with them */
export function readLayers({
  document,
  layout,
  file,
  env,
  defaults,
  environment,
  known,
}: LayersInput): Found {
  const own: Layer = { document, layout, file };
  const below = defaults && readDefaults(defaults, env, known);
  if (below && 'broken' in below) return below.broken;
  const chosen = [below, own].map((layer) => layer && takeEnvironments(layer));
  const [defaultsEnvironment, ownEnvironment] = chosen.map(
    (all) => all && chooseEnvironment(all, environment, known),
  );
  const names = new Set(chosen.flatMap((all) => Object.keys(all?.environments ?? {})));
  const found: Found = chosen.flatMap((all) => all?.problem ?? []);
  if (environment !== undefined && !names.has(environment)) found.push(unknown(environment, [...names]));

  const first = overridesOf(below, { sections: {}, single: false }, layout);
  const withFirst = { sections: applied({}, first), single: below?.layout.single ?? false };
  const second = overridesOf(defaultsEnvironment, withFirst, layout);
  found.push(...[...first, ...second].map(({ broken, ...override }) => broken ?? override));
  const merged = applied(structuredClone(layout.sections), found);
  const single = 'targets' in layout.sections ? layout.single : withFirst.single;
  const third = overridesOf(ownEnvironment, { sections: merged, single });
  found.push(...third.map(({ broken, ...override }) => broken ?? override));
  for (const layer of [below, defaultsEnvironment, ownEnvironment]) found.push(...layoutProblems(layer));
  return found;
}

/** Undefined for an empty file. */
function readDefaults(
  { text, file }: DefaultsFile,
  env: Env,
  known: readonly string[],
): Layer | { broken: BrokenOverride[] } | undefined {
  const document = parseConfigDocument(text, env);
  if ('syntax' in document) {
    const broken = document.syntax.map(({ line, column, message }) => ({
      label: `${file}:${line}:${column}`,
      problem: message,
    }));
    return { broken };
  }
  if (document.root === undefined) return undefined;
  // A name belongs to one pipeline.
  const layout = readLayout(
    document.root,
    known.filter((key) => key !== 'name'),
  );
  return { document, layout, file };
}

interface Environments {
  layer: Layer;
  environments: Sections;
  problem?: BrokenOverride;
}

/** Takes them out of the sections. */
function takeEnvironments(layer: Layer): Environments {
  const { environments, ...others } = layer.layout.sections;
  layer.layout.sections = others;
  if (environments === undefined || environments === null) return { layer, environments: {} };
  if (isMap(environments)) return { layer, environments };
  const message = `found ${show(environments)}, expected names with sections, as in prod: {source: …}.`;
  return { layer, environments: {}, problem: { label: labelOf(layer, ['environments']), problem: message } };
}

function chooseEnvironment(
  { layer, environments }: Environments,
  name: string | undefined,
  known: readonly string[],
): Layer | undefined {
  if (name === undefined || !Object.hasOwn(environments, name)) return undefined;
  const tree = environments[name] ?? {};
  const at = inFile({ path: ['environments', name], message: '' }, layer.layout).path;
  const sections = known.filter((key) => key !== 'environments' && key !== 'name');
  return { ...layer, layout: readLayout(tree, sections, at) };
}

function unknown(environment: string, names: readonly string[]): BrokenOverride {
  const near = suggest(environment, names);
  const expected = names.length > 0 ? `expected one of ${names.join(', ')}` : 'none is known';
  const problem = `unknown environment, ${expected}. ${
    near === undefined
      ? `Where it changes nothing, write environments: {${environment}: {}} into configs/defaults.yaml.`
      : `Did you mean "${near}"?`
  }`;
  return { label: `--env ${environment}`, problem };
}

interface Candidate extends Override {
  /** Instead of a value. */
  broken?: BrokenOverride;
}

type Merged = Pick<Layout, 'sections' | 'single'>;

/**
 * The values of a layer.
 * @param below what they are laid over
 * @param above what is laid over them: values that it has are left out
 */
function overridesOf(layer: Layer | undefined, below: Merged, above?: Merged): Candidate[] {
  if (!layer) return [];
  const found: Candidate[] = [];
  const visit = (value: unknown, current: unknown, said: unknown, path: Path): void => {
    const isBelow =
      isMap(value) && (said === undefined || said === null || (isMap(said) && fits(value, said)));
    if (said !== undefined && !isBelow) return;
    if (isMap(value) && Object.keys(value).length > 0 && (fits(value, current) || isMap(said))) {
      for (const [key, inner] of Object.entries(value))
        visit(inner, valueOf(current, key), valueOf(said, key), [...path, key]);
    } else if (!isMap(value) || !isMap(said)) found.push(candidate(layer, path, value));
  };
  for (const [section, value] of Object.entries(layer.layout.sections)) {
    if (section === 'version') continue;
    const [current, said] = [below.sections[section], above?.sections[section]];
    const isOne = (other: unknown, single = false): boolean => other === undefined || single;
    // The one target is a section like others.
    if (
      section === 'targets' &&
      layer.layout.single &&
      isOne(current, below.single) &&
      isOne(said, above?.single)
    )
      visit(valueOf(value, 0), valueOf(current, 0), valueOf(said, 0), ['targets', 0]);
    else visit(value, current, said, [section]);
  }
  return found;
}

function valueOf(tree: unknown, key: string | number): unknown {
  if (Array.isArray(tree)) return tree[Number(key)] as unknown;
  return isMap(tree) && Object.hasOwn(tree, key) ? tree[key] : undefined;
}

/** Two maps are merged unless they are of different types. */
function fits(value: Sections, current: unknown): boolean {
  if (current === undefined || current === null) return true;
  return (
    isMap(current) &&
    (value['type'] === undefined || current['type'] === undefined || value['type'] === current['type'])
  );
}

function candidate(layer: Layer, path: Path, value: unknown): Candidate {
  const { document, layout } = layer;
  const place = inFile({ path, message: '' }, layout).path;
  const label = labelOf(layer, path);
  const unread = document.problems.find((problem) => startsWith(problem.path, place));
  const written = document.written.filter((one) => startsWith(one.path, place));
  return { path, value, label, written, ...(unread && { broken: { label, problem: unread.message } }) };
}

/** `configs/defaults.yaml:3:5 source.delimiter`. */
function labelOf({ document, layout, file }: Layer, path: Path): string {
  const place = inFile({ path, message: '' }, layout).path;
  const { line, column } = document.locate(place, false);
  return `${file}:${line}:${column} ${place.join('.')}`;
}

function applied(sections: Sections, found: readonly (Override | BrokenOverride)[]): Sections {
  for (const override of structuredClone(found)) if ('path' in override) applyOverride(sections, override);
  return sections;
}

function layoutProblems(layer: Layer | undefined): BrokenOverride[] {
  return (layer?.layout.problems ?? []).map(({ path, message, atKey = false }) => {
    const { line, column } = layer!.document.locate(path, atKey);
    return { label: `${layer!.file}:${line}:${column} ${path.join('.')}`, problem: message };
  });
}

function isMap(value: unknown): value is Sections {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
