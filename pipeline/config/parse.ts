/** From the text of a pipeline file to a checked pipeline, or to the list of everything that is wrong with it. */
import { createHash } from 'node:crypto';
import { FlexetlError } from '../errors';
import { LIMITS } from '../limits';
import { parseConfigDocument } from './document';
import type { Env } from './interpolate';
import { inFile, readLayout } from './layout';
import { applyOverride, parseOverride } from './overrides';
import { printProblems } from './print';
import { describeIssue, problemsOf, show, type Problem } from './problems';
import { createConfigSchema, type PipelineConfig, type Plugins } from './schema';

export interface PipelineText {
  text: string;
  /** As messages show it: `configs/sales.yaml`; its base name is the default of `pipeline.name`. */
  file: string;
  env: Env;
  plugins: Plugins;
  /** `a.b=c` of the command line, relative to `pipeline`. */
  overrides?: readonly string[];
  /** The name by which the pipeline was asked for; another `pipeline.name` is an error. */
  expectedName?: string;
}

/**
 * Reads a pipeline file. Pure: the environment is handed in.
 * @throws FlexetlError CONFIG_INVALID whose message has one line per problem, `file:line:column path: what`
 */
export function parsePipelineText(input: PipelineText): PipelineConfig {
  const { text, file, env, plugins } = input;
  if (Buffer.byteLength(text) > LIMITS.configBytesMax) {
    throw invalid([`${file}:1:1 larger than ${LIMITS.configBytesMax} bytes; no pipeline file is.`], input);
  }
  const document = parseConfigDocument(text, env);
  if ('syntax' in document) {
    const first = document.syntax.slice(0, LIMITS.placesMax);
    throw invalid(
      first.map(({ line, column, message }) => `${file}:${line}:${column} ${message}`),
      input,
    );
  }
  const layout = readLayout(document.root);
  const overrides = (input.overrides ?? []).map(parseOverride);
  const broken = overrides.filter((override) => 'problem' in override);
  const good = overrides.filter((override) => 'path' in override);
  const problems = [...document.problems, ...layout.problems];
  const misplaced = good.flatMap((override) => applyOverride(layout.sections, override) ?? []);
  layout.sections.name ??= baseName(file);
  if (layout.usable) problems.push(...misplaced.map((problem) => inFile(problem, layout)));

  const schema = createConfigSchema(plugins);
  const result = schema.safeParse(layout.sections, { error: describeIssue });
  if (layout.usable) {
    const found = result.success
      ? checkPipeline(result.data, input)
      : problemsOf(result.error.issues, layout.sections);
    problems.push(...found.map((problem) => inFile(problem, layout)));
  }
  const lines = [
    ...broken.map(({ label, problem }) => `${label}: ${problem}`),
    ...printProblems(problems, document, layout, good, file),
  ];
  if (lines.length || !result.success) throw invalid(lines, input);
  return result.data;
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

/**
 * Checks a pipeline that was resolved before and sent as JSON, as by a client to a worker.
 * @throws FlexetlError CONFIG_INVALID
 */
export function parseResolvedConfig(json: unknown, plugins: Plugins): PipelineConfig {
  const config = json as Partial<PipelineConfig> | null;
  const sections =
    typeof config === 'object' && config !== null
      ? {
          ...config,
          source: joinUse(config.source),
          transformations: joinUses(config.transformations),
          targets: joinUses(config.targets),
        }
      : config;
  const result = createConfigSchema(plugins).safeParse(sections, { error: describeIssue });
  if (result.success) return result.data;
  const lines = problemsOf(result.error.issues, sections).map(
    ({ path, message }) => `${path.join('.') || 'config'}: ${message}`,
  );
  throw new FlexetlError('CONFIG_INVALID', { message: lines.map(oneLine).join('\n') });
}

function joinUses(uses: unknown): unknown {
  return Array.isArray(uses) ? uses.map(joinUse) : uses;
}

function joinUse(use: unknown): unknown {
  if (typeof use !== 'object' || use === null || !('options' in use)) return use;
  const { options, ...rest } = use;
  return typeof options === 'object' && options !== null ? { ...options, ...rest } : use;
}

/** The identity of a resolved pipeline: equal for equal meaning, whatever the order of keys. */
export function digestConfig(config: PipelineConfig): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(canonicalJson(config)).digest('hex')}`;
}

function canonicalJson(value: unknown): string {
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
