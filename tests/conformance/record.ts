/** Runs the suites and writes docs/conformance.md: `npm run conformance`. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { renderTable, type Row } from '../support/conformance-table';
import { makeFolder, removeFolders } from '../support/folder';

const ROOT = join(__dirname, '..', '..');

async function record(): Promise<number> {
  const file = join(makeFolder(), 'rows.jsonl');
  const env = { ...process.env, FLEXETL_CONFORMANCE: file };
  const jest = join(ROOT, 'node_modules/.bin/jest');
  const { status } = spawnSync(jest, ['tests/conformance'], { cwd: ROOT, env, stdio: 'inherit' });
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const table = renderTable(lines.map((line) => JSON.parse(line) as Row));
  const options = { parser: 'markdown' } as const;
  const text = await format(table, options);
  writeFileSync(join(ROOT, 'docs/conformance.md'), text);
  process.stdout.write(text);
  removeFolders();
  return status ?? 1;
}

record().then(
  (status) => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
