/** The truth table in a project: where each source reads it, and where each target has it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CSV_OPTIONS, NULL_TEXT, TRUTH_SCHEMA, truthCsv, truthObjects } from './truth';

/** The variable with the connection string of the database. */
export const TRUTH_DATABASE = 'TRUTH_DATABASE';

/** What a project with the truth table works with. */
export interface TruthWorld {
  dir: string;
  /** Address of the pages, see {@link servePages}. */
  url: string;
}

/** By type of the source: its options. */
export const TRUTH_SOURCES: Readonly<Record<string, (world: TruthWorld) => object>> = {
  csv: () => ({ path: 'data/truth.csv', ...CSV_OPTIONS }),
  json: () => ({ path: 'data/truth.ndjson', null_values: [] }),
  api: ({ url }) => ({
    url,
    allow_private: true,
    record_path: '$.records',
    pagination: { type: 'page' },
    null_values: [],
  }),
};

/** By type of the target: its options. Each pipeline has tables of its own. */
export const TRUTH_TARGETS: Readonly<Record<string, (pipeline: string) => object>> = {
  sqlite: (pipeline) => ({ database: `output/${pipeline}.db`, table: 'truth' }),
  parquet: (pipeline) => ({ path: `output/${pipeline}.parquet` }),
  csv: (pipeline) => ({ path: `output/${pipeline}.csv`, null_text: NULL_TEXT }),
  postgresql: (pipeline) => ({ connection_string_env: TRUTH_DATABASE, table: `truth_${pipeline}` }),
};

export function writeTruthFiles(dir: string): void {
  mkdirSync(join(dir, 'data'), { recursive: true });
  writeFileSync(join(dir, 'data/truth.csv'), truthCsv());
  writeFileSync(join(dir, 'data/truth.ndjson'), `${truthObjects().join('\n')}\n`);
}

/** A pipeline from a source to targets, as plain JSON. */
export function truthPipeline(
  world: TruthWorld,
  name: string,
  source: string,
  targets: readonly string[],
): object {
  return {
    version: '1.0',
    pipeline: {
      name,
      source: { type: source, ...TRUTH_SOURCES[source]?.(world) },
      validation: { schema: TRUTH_SCHEMA },
      targets: targets.map((type) => ({ type, ...TRUTH_TARGETS[type]?.(name) })),
    },
  };
}

const ROWS_PER_PAGE = 4;

/** A server on loopback: `/?page=1` is `{"records": […]}`; a page after the last one has none. */
export async function servePages(): Promise<{ url: string; server: Server }> {
  const objects = truthObjects();
  const server = createServer((request, response) => {
    const page = Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('page') ?? 1);
    const records = objects.slice((page - 1) * ROWS_PER_PAGE, page * ROWS_PER_PAGE);
    response.setHeader('content-type', 'application/json');
    response.end(`{"records": [${records.join(', ')}]}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}
