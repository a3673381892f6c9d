/** Writes the files that are generated from the schemas and plugins; a test fails when they are stale. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugins } from '../pipeline/config/schema';
import { PLUGINS } from '../worker/plugins';
import { buildJsonSchema } from '../pipeline/config/json-schema';
import { renderLimitsDocs } from './limits-docs';
import { renderReferenceDocs } from './reference-docs';
import { buildReportSchema } from './report-schema';

export interface GeneratedFile {
  /** Relative to the project. */
  path: string;
  text: string;
}

/** The files as they should be; the example in the docs is configs/sales.yaml. */
export function generateFiles(plugins: Plugins, projectDir: string): GeneratedFile[] {
  const readText = (path: string): string => readFileSync(join(projectDir, path), 'utf8');
  return [
    {
      path: 'configs/pipeline.schema.json',
      text: `${JSON.stringify(buildJsonSchema(plugins), null, 2)}\n`,
    },
    { path: 'docs/configuration.md', text: renderReferenceDocs(plugins, readText('configs/sales.yaml')) },
    {
      path: 'docs/report.schema.json',
      text: `${JSON.stringify(buildReportSchema(projectDir), null, 2)}\n`,
    },
    { path: 'docs/limits.md', text: renderLimitsDocs(readText('pipeline/limits.ts')) },
  ];
}

if (require.main === module) {
  for (const { path, text } of generateFiles(PLUGINS, process.cwd())) {
    writeFileSync(path, text);
    process.stdout.write(`${path}\n`);
  }
}
