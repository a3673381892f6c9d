/** From the text of a pipeline file to a checked pipeline, or to the list of everything that is wrong with it. */
import { createHash } from 'node:crypto';
import { FlexetlError } from '../errors';
import { LIMITS } from '../limits';
import { parseConfigDocument, type ConfigDocument } from './document';
import type { Env } from './interpolate';
import { readLayers, type DefaultsFile } from './layers';
import { inFile, readLayout, type Layout } from './layout';
import { applyOverride, parseOverride, type Override } from './overrides';
import { printProblems } from './print';
import { describeIssue, problemsOf, show, startsWith, type Problem } from './problems';
import { refuseInterpolation } from './secrets';
import { createConfigSchema, type PipelineConfig, type Plugins } from './schema';

export interface PipelineText {
  text: string;
  /** As messages show it: `configs/sales.yaml`; its base name is the default of `pipeline.name`. */
  file: string;
  env: Env;
  plugins: Plugins;
  /** Adds the plugins of the modules that the file names; without it the file must not name any. */
  loadPlugins?: (modules: readonly string[], plugins: Plugins) => LoadedPlugins;
  /** configs/defaults.yaml of the project: its sections are merged under those of the file. */
  defaults?: DefaultsFile | undefined;
  /** Whose values of `environments` are merged over the file. */
  environment?: string | undefined;
  /** `a.b=c` of the command line, relative to `pipeline`. */
  overrides?: readonly string[];
  /** The name that the user gave; another `pipeline.name` is an error. */
  expectedName?: string;
  /** Of a pipeline that does not say its name; default: the name of the file. */
  defaultName?: string;
}

export interface LoadedPlugins {
  plugins: Plugins;
  /** What is wrong with a module, by its index in the list. */
  problems: readonly { index: number; message: string }[];
}

/**
 * Parses the text of a pipeline file. Pure: the environment is a parameter.
 * @throws FlexetlError CONFIG_INVALID whose message has one line per problem, `file:line:column path: what`
 */
export function parsePipelineText(input: PipelineText): PipelineConfig {
  return parsePipeline(input).config;
}

/** A pipeline, and which of its values are not those of its file. */
export interface ParsedPipeline {
  config: PipelineConfig;
  /** From the project's defaults, the environment, and `--set`; a later one comes before those above it. */
  overrides: readonly Override[];
}

/** The same, with the places of values that come from elsewhere. */
export function parsePipeline(input: PipelineText): ParsedPipeline {
  const { text, file, plugins, environment } = input;
  // What depends on the environment may also be one `${…}` in a path.
  const env = environment === undefined ? input.env : { ...input.env, FLEXETL_ENV: environment };
  if (Buffer.byteLength(text) > LIMITS.configBytesMax) {
    throw invalid(
      [`${file}:1:1 larger than ${LIMITS.configBytesMax} bytes, the limit for a pipeline file.`],
      input,
    );
  }
  const parsed = parseConfigDocument(text, env);
  if ('syntax' in parsed) {
    const first = parsed.syntax.slice(0, LIMITS.placesMax);
    throw invalid(
      first.map(({ line, column, message }) => `${file}:${line}:${column} ${message}`),
      input,
    );
  }
  const known = Object.keys(createConfigSchema(plugins).shape);
  const layout = readLayout(parsed.root, known);
  const document = withoutEnvironments(parsed, layout);
  const { defaults } = input;
  const overrides = [
    ...(layout.usable
      ? readLayers({ document: parsed, layout, file, env, defaults, environment, known })
      : []),
    ...(input.overrides ?? []).map((text) => parseOverride(text, env)),
  ];
  const broken = overrides.filter((override) => 'problem' in override);
  const good = overrides.filter((override) => 'path' in override);
  const problems = [...document.problems, ...layout.problems];
  const misplaced = good.flatMap((override) => applyOverride(layout.sections, override) ?? []);
  layout.sections.name ??= input.expectedName ?? input.defaultName ?? baseName(file);
  if (layout.usable) problems.push(...misplaced.map((problem) => inFile(problem, layout)));

  const loaded = loadModules(layout.sections.plugins, input);
  problems.push(
    ...loaded.problems.map(({ index, message }) => inFile({ path: ['plugins', index], message }, layout)),
  );
  const result = createConfigSchema(loaded.plugins).safeParse(layout.sections, { error: describeIssue });
  if (layout.usable) {
    const found = result.success
      ? checkPipeline(result.data, input)
      : problemsOf(result.error.issues, layout.sections);
    problems.push(...found.map((problem) => inFile(problem, layout)));
  }
  const all = refuseInterpolation(problems, document, layout, loaded.plugins, good);
  const lines = [
    ...broken.map(({ label, problem }) => `${label}: ${problem}`),
    ...printProblems(all.slice(0, LIMITS.problemsMax), document, layout, good, file),
    // Those who find problems stop after one more than are shown.
    ...(all.length > LIMITS.problemsMax
      ? [`${file}: more problems follow; the first ${LIMITS.problemsMax} are shown.`]
      : []),
  ];
  if (lines.length || !result.success) throw invalid(lines, input);
  return { config: result.data, overrides: good };
}

/** Only the environment that is chosen is looked at: the variables of others may not be set here. */
function withoutEnvironments(document: ConfigDocument, { origins }: Layout): ConfigDocument {
  const place = origins.get('environments') ?? ['environments'];
  return { ...document, problems: document.problems.filter(({ path }) => !startsWith(path, place)) };
}

/** Checks of a pipeline as a whole; paths are canonical. Checks that need data belong to prepare. */
export function checkPipeline(
  config: PipelineConfig,
  { expectedName }: Pick<PipelineText, 'expectedName'>,
): Problem[] {
  if (expectedName === undefined || config.name === expectedName) return [];
  const message = `found ${show(config.name)}, expected "${expectedName}": a pipeline in configs/ has the name of its file.`;
  return [{ path: ['name'], message }];
}

/** A list with other entries than texts is reported with the rest of the file. */
function loadModules(modules: unknown, { plugins, loadPlugins }: PipelineText): LoadedPlugins {
  const isText = (module: unknown): module is string => typeof module === 'string' && module !== '';
  if (!loadPlugins || !Array.isArray(modules) || !modules.every(isText)) return { plugins, problems: [] };
  return loadPlugins(modules, plugins);
}

/** The identity of a resolved pipeline, or of other plain JSON; it does not depend on the order of keys. */
export function digestOf(value: object): `sha256:${string}` {
  return sha256(canonicalJson(value));
}

/** What a command asks for: a file and its `--set` as written, and what they are in its environment. */
export interface Request {
  text: string;
  overrides: readonly string[];
  config: PipelineConfig;
  /** Of which checkout of the project: the same file reads other data there. */
  staging: string | undefined;
  /** That was chosen. */
  environment?: string | undefined;
  /** With --again. */
  again?: boolean;
}

/** The identity of a request. */
export function digestRequest({
  text,
  overrides,
  config,
  staging,
  environment,
  again = false,
}: Request): `sha256:${string}` {
  const parts = [text, overrides, digestOf(config), staging ?? null, again];
  return sha256(JSON.stringify(environment === undefined ? parts : [...parts, environment]));
}

function sha256(text: string): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function canonicalJson(value: object): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function invalid(lines: readonly string[], { file, expectedName }: PipelineText): FlexetlError {
  const target = expectedName ?? `--config ${file}`;
  return new FlexetlError('CONFIG_INVALID', {
    message: lines.map(oneLine).join('\n'),
    hint: `Every key is described in docs/configuration.md; \`flexetl validate ${target}\` checks the file without running it.`,
  });
}

/** Keys, texts and expressions may hold line breaks; a problem has one line. */
function oneLine(line: string): string {
  return line.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function baseName(file: string): string {
  return file.replace(/^.*[\\/]/, '').replace(/\.ya?ml$/i, '');
}
