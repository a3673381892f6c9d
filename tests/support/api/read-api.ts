/** Reads a source of the loopback API to its end, without DuckDB. */
import { openSource } from '../../../engine/landing';
import type { PluginContext } from '../../../plugin/context';
import { api } from '../../../sources/api';
import { createSecrets } from '../../../runtime/secrets';
import { landAll, readRecords, type Sandbox, type Values } from '../source-sandbox';

export const SECRETS: Readonly<Record<string, string>> = { TOKEN: 'hush-token', PASSWORD: 'hush pass/word' };

export async function readApi(
  project: Sandbox,
  options: Record<string, unknown>,
  change: Partial<PluginContext> = {},
): Promise<{ columns: readonly string[]; rows: (Values | null)[] }> {
  const context: PluginContext = {
    ...project.context,
    secret: createSecrets(SECRETS),
    ...change,
  };
  const source = openSource(api, api.options.parse({ allow_private: true, ...options }), context);
  const { survey, partitions } = await landAll(source, Number.MAX_SAFE_INTEGER);
  const records = await readRecords(source, survey, partitions);
  return { columns: survey.columns, rows: records.map(({ values }) => values && [...values]) };
}
