/** A test of a pipeline: the given records through the whole engine, without targets and without Temporal. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import {
  findPlugin,
  optionsOf,
  type PipelineConfig,
  type PluginUse,
  type Plugins,
} from '../pipeline/config/schema';
import { FlexetlError } from '../pipeline/errors';
import type { Fixture, FixtureRow } from '../pipeline/fixtures/fixture-file';
import { kindOfOption } from '../plugin/options';
import { defineSource } from '../plugin/source';
import { projectPath } from '../runtime/settings';
import { withContext, type StepWorld } from './context';
import type { Deps } from './deps';
import { rehearseRun, type Rehearsed } from './rehearse';
import { pluginsOf } from './resolve-config';

/**
 * @param deps its staging store is removed by the caller
 * @param number of the fixture; two have no data in common
 * @throws FlexetlError USAGE for records that the source cannot be given
 */
export async function runFixture(
  deps: Deps,
  config: PipelineConfig,
  { given }: Fixture,
  number: number,
  world: StepWorld,
): Promise<Rehearsed> {
  const plugins = { ...deps.plugins, sources: [...deps.plugins.sources, givenRecords] };
  const run = { project: 'test', pipeline: config.name, runKey: `test-${number}` };
  const file = join(deps.settings.stagingDir, 'given', `${number}.data`);
  const source = await giveSource(pluginsOf(deps, config), config.source, given, {
    projectDir: deps.settings.projectDir,
    file,
  });
  return withContext(deps, run, world, (context) =>
    rehearseRun({ ...deps, plugins }, run, { ...config, source }, context),
  );
}

/** The source over the given records: a file source reads a file of them, a record source is replaced. */
async function giveSource(
  plugins: Plugins,
  { type, options }: PluginUse,
  { rows, text, file }: Fixture['given'],
  where: { projectDir: string; file: string },
): Promise<PluginUse> {
  const source = findPlugin(plugins.sources, type);
  const pathOption = optionsOf(source).shape['path'] as z.ZodType | undefined;
  const isFile = pathOption !== undefined && kindOfOption(pathOption) === 'path';
  if (file !== undefined && isFile)
    return { type, options: { ...options, path: projectPath(where.projectDir, file) } };
  if (text !== undefined && isFile) {
    await write(where.file, text);
    return { type, options: { ...options, path: where.file } };
  }
  if (rows === undefined) {
    throw new FlexetlError('USAGE', {
      message: `A source of type ${type} reads no file: ${text === undefined ? 'file' : 'text'} cannot be given to it.`,
      hint: 'Give rows.',
    });
  }
  if (type !== 'csv') {
    return { type: givenRecords.type, options: { records: rows.map((row) => JSON.stringify(row)) } };
  }
  await write(where.file, toCsv(rows));
  const { columns: _, skip_rows: __, encoding: ___, ...kept } = options;
  const layout = { path: where.file, delimiter: ',', quote: '"', header: true };
  return { type, options: optionsOf(source).parse({ ...kept, ...layout }) };
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** Values are written as they would be in the file, so that the options of the source apply to them. */
function toCsv(rows: readonly FixtureRow[]): string {
  const names = [...new Set(rows.flatMap(Object.keys))];
  const field = (value: FixtureRow[string] | undefined): string => {
    const text = value == null ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))];
  return lines.map((values) => `${values.map(field).join(',')}\n`).join('');
}

const givenRecords = defineSource({
  kind: 'records',
  type: 'given_records',
  description: 'The records of a test.',
  options: z.strictObject({ records: z.array(z.string()) }),
  async *read({ records }) {
    yield { records };
  },
});
