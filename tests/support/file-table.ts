/** A target of files in a project of its own, which tests load as a run does. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Schema } from '../../pipeline/types';
import type { LoadKey, OpenTarget, Published, Target } from '../../plugin/target';
import { withDuckdb } from '../../runtime/duckdb';
import { makeFolder } from './folder';
import { contextOf, LOAD_KEY, makePart, type TextRow } from './parts';

let keys = 0;

/** What `_manifest.json` has. */
export interface UsersManifest {
  version: number;
  run_key: string;
  rows: number;
  format: Record<string, unknown>;
  schema: { name: string; type: string }[];
  files: {
    path: string;
    rows: number;
    bytes: number;
    sha256: string;
    run_key: string;
    partition?: Record<string, string | null>;
  }[];
}

/** @param options as in a pipeline file */
export function openFiles<O>(target: Target<O>, options: Record<string, unknown>, dir = makeFolder()) {
  const given = { path: 'out', ...options };
  const at = (...names: string[]): string => join(dir, given.path, ...names);
  const open = (changed: Record<string, unknown> = {}): OpenTarget =>
    target.open(target.options.parse({ ...given, ...changed }), contextOf(dir));
  return {
    dir,
    at,
    open,
    /** Check, begin, load and publish. @param parts rows of each part */
    async run(
      schema: Schema,
      parts: readonly TextRow[][],
      changed: Record<string, unknown> = {},
    ): Promise<Published> {
      const key: LoadKey = { ...LOAD_KEY, runKey: `run ${(keys += 1)}` };
      await open(changed).check(schema);
      await open(changed).begin(key, false);
      for (const [index, rows] of parts.entries())
        await open(changed).load(key, await makePart(schema, rows, index));
      return open(changed).publish(key, schema, parts.flat().length);
    },
    manifest: () => JSON.parse(readFileSync(at('_manifest.json'), 'utf8')) as UsersManifest,
    /** Paths of files in the folder, not FlexETL's own, sorted. */
    list: () =>
      (existsSync(at()) ? readdirSync(at(), { recursive: true, withFileTypes: true }) : [])
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(at().length + 1))
        .filter((path) => !path.startsWith('_'))
        .sort(),
    /** Rows as texts, as a user's DuckDB finds them. */
    query: (sql: string): Promise<(string | null)[][]> =>
      withDuckdb({ dir, memoryMb: 400, threads: 1 }, async (db) =>
        (await db.all(sql)).map((row) =>
          Object.values(row).map((value) => (value === null ? null : String(value as string))),
        ),
      ),
  };
}
