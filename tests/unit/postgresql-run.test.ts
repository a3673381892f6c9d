/** Whole runs into PostgreSQL, through the engine. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sendText, startApi } from '../support/api/loopback-api';
import { makeFolder } from '../support/folder';
import { databaseFor, queryPostgresql } from '../support/postgresql';
import { runPipeline } from '../support/run-case';

/** PostgreSQL has no NUL in a text: a record with one is a reject of the source, with its place, and not the end of the load. */
describe('a NUL in a text', () => {
  const JSON_LINES = ['{"id":1,"note":"a"}', String.raw`{"id":2,"note":"b\u0000"}`, '{"id":3,"note":"c"}'];

  it.each<[string, (dir: string) => Promise<{ source: object; close?: () => Promise<void> }>]>([
    [
      'csv',
      (dir) => {
        writeFileSync(join(dir, 'in.csv'), 'id,note\n1,a\n2,b\0\n3,c\n');
        return Promise.resolve({ source: { type: 'csv', path: 'in.csv' } });
      },
    ],
    [
      'json',
      (dir) => {
        writeFileSync(join(dir, 'in.ndjson'), `${JSON_LINES.join('\n')}\n`);
        return Promise.resolve({ source: { type: 'json', path: 'in.ndjson' } });
      },
    ],
    [
      'api',
      async () => {
        const server = await startApi({ items: (one) => sendText(one, `[${JSON_LINES.join(',')}]`) });
        const source = { type: 'api', url: server.urlOf('items'), allow_private: true };
        return { source, close: () => server.close() };
      },
    ],
  ])('of the source %s is quarantined, and the rest is loaded', async (type, make) => {
    const dir = makeFolder();
    const url = await databaseFor(`NUL of ${type}`);
    const { source, close } = await make(dir);
    // JSON is YAML.
    const pipeline = {
      source,
      transformations: [{ type: 'rename', columns: { note: 'comment' } }],
      targets: [{ type: 'postgresql', connection_string_env: 'PG', table: 't' }],
      fault_tolerance: { dead_letter_queue: { enabled: true } },
    };
    const text = `version: '1.0'\npipeline:\n  name: p\n${Object.entries(pipeline)
      .map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`)
      .join('')}`;
    try {
      writeFileSync(join(dir, 'pipeline.yaml'), text);
      const state = await runPipeline(dir, 'pipeline.yaml', { env: { PG: url } });
      expect([state.read, state.rejected, state.output]).toEqual([3, 1, 2]);
      expect(await queryPostgresql(url, 'SELECT id, comment FROM t ORDER BY id')).toEqual([
        ['1', 'a'],
        ['3', 'c'],
      ]);
    } finally {
      await close?.();
    }
  });
});
