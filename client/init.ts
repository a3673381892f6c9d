/** `flexetl init <file>`: a pipeline file for a data file, from a look at it as a run would read it. */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import { proposeSchema } from '../engine/propose';
import { parseConfig } from '../engine/resolve-config';
import { findPlugin } from '../pipeline/config/schema';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { listPipelines } from '../runtime/config-file';
import { formatType } from '../pipeline/types';
import { PLUGINS } from '../worker/plugins';
import { EXIT, type CommandContext } from './context';
import { writeInitText } from './init-text';
import { many, printJson, printLine, printNote } from './print';
import { withRehearsal } from './rehearsal';

export interface InitOptions {
  /** Of the pipeline; default: from the name of the file. */
  name?: string;
  /** Type of the target. */
  to: string;
}

export async function initCommand(
  context: CommandContext,
  file: string,
  options: InitOptions,
): Promise<number> {
  const { projectDir } = context.settings;
  const absolute = resolve(context.cwd, file);
  await assertFile(absolute, file);
  // Relative to the project, so that it is the same on every machine.
  const path = isAbsolute(file) ? file : relative(projectDir, absolute);
  const name = options.name ?? nameFor(path);
  await assertFree(name, projectDir);
  const source = { type: JSON_FILE.test(path) ? 'json' : 'csv', path };
  const target = targetFor(options.to, name);
  const text = JSON.stringify({ version: '1.0', name, source, targets: [target] }).replaceAll('$', '$$$$');
  const configFile = join('configs', `${name}.yaml`);
  const config = parseConfig(
    { settings: context.settings, plugins: PLUGINS },
    { text, file: configFile, overrides: [] },
  );
  const { proposal, pins, warnings } = await withRehearsal(
    context,
    config,
    async ({ deps, plan, run, step }) => ({
      proposal: await proposeSchema(deps, plan, run, step),
      pins: plan.survey.pins ?? {},
      warnings: plan.survey.warnings ?? [],
    }),
  );
  const schemaFile = join(projectDir, 'configs', 'pipeline.schema.json');
  const hasSchema = await stat(schemaFile).then(
    () => true,
    () => false,
  );
  const { modes } = findPlugin(PLUGINS.targets, target.type).capabilities;
  const written = writeInitText({
    name,
    source: { ...source, ...pins },
    target,
    proposal,
    merges: modes.includes('merge'),
    hasSchema,
  });
  await writeNew(join(projectDir, configFile), configFile, written);
  const { columns, key, records, rejected, complete } = proposal;
  for (const warning of warnings) printNote(context, `warning: ${warning}`);
  if (rejected > 0)
    printNote(
      context,
      `warning: ${many(rejected, 'record')} cannot be read: a run will be refused, and show them.`,
    );
  const next = `flexetl run ${name}`;
  if (context.json) {
    const described = columns.map((column) => ({ ...column, type: formatType(column.type) }));
    printJson(context, {
      pipeline: name,
      file: configFile,
      records,
      rejected,
      complete,
      columns: described,
      key,
      next,
    });
  } else {
    const looked = complete ? `all ${many(records, 'record')}` : `the first ${many(records, 'record')}`;
    printLine(context, `✔ ${configFile}: ${many(columns.length, 'column')}, typed from ${looked}`);
    printLine(context, `  next     flexetl preview ${name}, then ${next}`);
  }
  return EXIT.done;
}

const JSON_FILE = /\.(json|jsonl|ndjson)(\.gz)?$/i;

/** Options by type of the target: the fewest that work. */
const TARGET_OPTIONS: Readonly<Record<string, (name: string, table: string) => Record<string, string>>> = {
  sqlite: (name, table) => ({ database: `output/${name}.db`, table }),
  postgresql: (_, table) => ({ connection_string_env: 'DATABASE_URL', table }),
  parquet: (name) => ({ path: `output/${name}` }),
  csv: (name) => ({ path: `output/${name}.csv` }),
};

function targetFor(type: string, name: string): Record<string, string> & { type: string } {
  const table = name
    .replace(/\W/g, '_')
    .replace(/^(?=\d|sqlite_|_flexetl_|pg_)/i, 't_')
    .slice(0, 60);
  const options = Object.hasOwn(TARGET_OPTIONS, type) ? TARGET_OPTIONS[type] : undefined;
  const types = PLUGINS.targets.map((target) => target.type);
  if (options && types.includes(type)) return { type, ...options(name, table) };
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
