/** `flexetl init <file>`: a pipeline file for a data file, from a look at it as a run would read it. */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import { checkTargets } from '../engine/load';
import { proposeSchema, type Proposal } from '../engine/propose';
import { parseConfig } from '../engine/resolve-config';
import { findPlugin, type PipelineConfig, type PluginUse } from '../pipeline/config/schema';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { many } from '../pipeline/markdown';
import { listPipelines } from '../runtime/config-file';
import { formatType } from '../pipeline/types';
import { PLUGINS } from '../worker/plugins';
import { EXIT, type CommandContext } from './context';
import { writeInitText } from './init-text';
import { printJson, printLine, printNote } from './print';
import { withRehearsal } from './rehearsal';

export interface InitPipelineOptions {
  /** Of the pipeline; default: from the name of the file. */
  name?: string;
  /** Type of the target, and where it writes: `sqlite`, or `sqlite:output/orders.db`. */
  to: string;
  /** Options of source and target, as in `source.delimiter=;`. */
  set: readonly string[];
}

/** @returns the exit code */
export async function initPipeline(
  context: CommandContext,
  file: string,
  options: InitPipelineOptions,
): Promise<number> {
  const written = await writePipeline(context, file, options);
  say(context, written);
  return EXIT.done;
}

export interface WrittenPipeline extends Found {
  name: string;
  /** Relative to the project. */
  file: string;
}

/** @throws FlexetlError USAGE for what is there already, or is no data file */
export async function writePipeline(
  context: CommandContext,
  file: string,
  options: InitPipelineOptions,
): Promise<WrittenPipeline> {
  const { projectDir } = context.settings;
  const absolute = resolve(context.cwd, file);
  await assertFile(absolute, file);
  // Relative to the project, so that it is the same on every machine.
  const path = isAbsolute(file) ? file : relative(projectDir, absolute);
  const name = options.name ?? nameFor(path);
  await assertFree(name, projectDir);
  const start = startPipeline(context, name, path, options);
  const found = await look(context, start.config);
  const written = writeInitText({
    name,
    source: { ...start.source, ...found.pins, ...start.set.source },
    target: { ...start.target, ...start.set.target },
    proposal: found.proposal,
    merges: findPlugin(PLUGINS.targets, start.target.type).capabilities.modes.includes('merge'),
    hasSchema: await isThere(join(projectDir, 'configs', 'pipeline.schema.json')),
  });
  await writeNew(join(projectDir, start.file), start.file, written);
  return { name, file: start.file, ...found };
}

/** The shortest pipeline that reads the file. */
function startPipeline(
  { settings }: CommandContext,
  name: string,
  path: string,
  { to, set }: InitPipelineOptions,
) {
  const file = join('configs', `${name}.yaml`);
  const source = { type: JSON_FILE.test(path) ? 'json' : 'csv', path };
  const target = targetFor(to, name);
  const text = JSON.stringify({ version: '1.0', name, source, targets: [target] }).replaceAll('$', '$$$$');
  const config = parseConfig({ settings, plugins: PLUGINS }, { text, file, overrides: set });
  const given = (section: string, use: PluginUse | undefined): Record<string, unknown> =>
    Object.fromEntries(
      set
        .filter((one) => one.startsWith(`${section}.`))
        .map((one) => one.slice(section.length + 1).replace(/[.=].*$/s, ''))
        .map((key) => [key, key === 'type' ? use?.type : use?.options[key]]),
    );
  const foreign = set.find((one) => !/^(source|target)\./.test(one));
  if (foreign !== undefined) {
    throw new FlexetlError('USAGE', {
      message: `--set ${foreign} is neither an option of the source nor of the target.`,
      hint: 'Write other sections into the file afterwards.',
    });
  }
  return {
    file,
    source,
    target,
    config,
    set: { source: given('source', config.source), target: given('target', config.targets[0]) },
  };
}

interface Found {
  proposal: Proposal;
  pins: Readonly<Record<string, unknown>>;
  warnings: string[];
}

function look(context: CommandContext, config: PipelineConfig): Promise<Found> {
  return withRehearsal(context, config, async ({ deps, plan, run, step }) => {
    const { pins = {}, warnings = [] } = plan.survey;
    const proposal = await proposeSchema(deps, plan, run, step);
    const { rejected } = proposal;
    const refused =
      rejected === 0
        ? []
        : [`${many(rejected, 'record')} cannot be read: a run will be refused, and show them.`];
    const unfit = await checkTargets(deps, config, proposal.columns, [], step).then(
      () => [],
      (error: unknown) => [messageOf(error)],
    );
    return { proposal, pins, warnings: [...warnings, ...refused, ...unfit] };
  });
}

function say(context: CommandContext, { name, file, proposal, warnings }: WrittenPipeline): void {
  const { columns, key, records, rejected, complete } = proposal;
  for (const warning of warnings) printNote(context, `warning: ${warning}`);
  const next = `flexetl run ${name}`;
  if (context.json) {
    const described = columns.map((column) => ({ ...column, type: formatType(column.type) }));
    printJson(context, { pipeline: name, file, records, rejected, complete, columns: described, key, next });
    return;
  }
  const looked = `${complete ? 'all' : 'the first'} ${many(records, 'record')}`;
  printLine(context, `✔ ${file}: ${many(columns.length, 'column')}, typed from ${looked}`);
  printLine(context, `  next     flexetl preview ${name}, then ${next}`);
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const JSON_FILE = /\.(json|jsonl|ndjson)(\.gz)?$/i;

/** Options by type of the target: the fewest that work. `place` is what the user wrote behind the type. */
const TARGET_OPTIONS: Readonly<
  Record<string, (name: string, table: string, place: string | undefined) => Record<string, string>>
> = {
  sqlite: (name, table, place = `output/${name}.db`) => ({ database: place, table }),
  postgresql: (_, table, place = 'DATABASE_URL') => ({ connection_string_env: place, table }),
  parquet: (name, _, place = `output/${name}`) => ({ path: place }),
  csv: (name, _, place = `output/${name}.csv`) => ({ path: place }),
};

/** @param to as in `sqlite` or `sqlite:output/orders.db` */
export function targetFor(to: string, name: string): Record<string, string> & { type: string } {
  const [, type = to, place] = /^(\w+):(.+)$/.exec(to) ?? [];
  const table = name
    .replace(/\W/g, '_')
    .replace(/^(?=\d|sqlite_|_flexetl_|pg_)/i, 't_')
    .slice(0, 60);
  const options = Object.hasOwn(TARGET_OPTIONS, type) ? TARGET_OPTIONS[type] : undefined;
  const types = PLUGINS.targets.map((target) => target.type);
  if (options && types.includes(type)) return { type, ...options(name, table, place) };
  throw new FlexetlError('USAGE', {
    message: `There is no target "${type}" for --to.`,
    hint: `Name one of: ${types.join(', ')}.`,
  });
}

/** `data/Orders 2026.csv.gz` → `Orders_2026`. */
function nameFor(path: string): string {
  const stem = basename(path).replace(/(?<=.)\..*$/, '');
  const name = stem
    .replace(/[^A-Za-z0-9_-]+/g, '_')
    .replace(/^[_-]+/, '')
    .slice(0, 60);
  if (name !== '') return name;
  throw new FlexetlError('USAGE', {
    message: `${path} gives no name for a pipeline: letters, digits, "_" and "-".`,
    hint: 'Give one with --name.',
  });
}

/** @throws FlexetlError USAGE for a folder */
async function assertFile(absolute: string, shown: string): Promise<void> {
  const found = await stat(absolute).catch(() => undefined);
  if (!found?.isDirectory()) return;
  throw new FlexetlError('USAGE', {
    message: `${shown} is a folder, expected a data file.`,
    hint: 'Name one of its files; then set source.path to the folder, or to a glob.',
  });
}

async function assertFree(name: string, projectDir: string): Promise<void> {
  if ((await listPipelines(projectDir)).includes(name)) throw exists(name);
}

/** It never overwrites. */
async function writeNew(path: string, file: string, text: string): Promise<void> {
  try {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(basename(file, '.yaml'));
    throw new FlexetlError('PATH_UNWRITABLE', {
      message: `${file} cannot be written: ${messageOf(error)}.`,
      hint: 'Check the rights of the folder configs/.',
      cause: error,
    });
  }
}

function exists(name: string): FlexetlError {
  return new FlexetlError('USAGE', {
    message: `There is a pipeline "${name}" in configs/, and init overwrites nothing.`,
    hint: 'Give another name with --name, or remove the file first.',
  });
}
