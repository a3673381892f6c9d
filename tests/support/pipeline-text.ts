/** Texts of pipeline files, and what is said of them. */
import { parsePipelineText } from '../../pipeline/config/parse';
import type { PipelineConfig, Plugins } from '../../pipeline/config/schema';
import { FlexetlError } from '../../pipeline/errors';
import { FAKE_PLUGINS } from './fake-plugins';

interface Extras {
  env?: Record<string, string>;
  overrides?: string[];
  file?: string;
  expectedName?: string;
  plugins?: Plugins;
}

export const HEAD = 'version: "1.0"\n';
export const BASE = `${HEAD}source: {type: csv, path: a.csv}\ntarget: {type: sqlite, database: a.db, table: t}\n`;

export function parse(
  text: string,
  { env = {}, file = 'configs/sales.yaml', plugins = FAKE_PLUGINS, ...extras }: Extras = {},
): PipelineConfig {
  return parsePipelineText({ text, file, env, plugins, ...extras });
}

/** The lines of the error; none for a good file. */
export function problems(text: string, extras: Extras = {}): string[] {
  try {
    parse(text, extras);
  } catch (error) {
    expect(error).toBeInstanceOf(FlexetlError);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return (error as FlexetlError).message.split('\n');
  }
  return [];
}
