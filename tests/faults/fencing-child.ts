/**
 * A worker that hangs at a point of a load, and goes on when others have done its work:
 * `fencing-child.ts <dir> <point> <parquet> <url> <target> <options>`.
 */
import { writeSync } from 'node:fs';
import fs from 'node:fs/promises';
import { createPart } from '../../runtime/batches/part';
import { targets } from '../../targets';
import type { OpenTarget } from '../../plugin/target';
import { contextOf } from '../support/parts';
import { KEY, ROWS, SCHEMA as schema } from './target-job';

const [dir = '', point = '', path = '', url = '', type = '', options = '{}'] = process.argv.slice(2);

/** Stops this process the first time that the point is reached. */
let stops = true;
function pass(name: string): void {
  if (name !== point || !stops) return;
  stops = false;
  writeSync(1, 'stops\n');
  process.kill(process.pid, 'SIGSTOP');
}

async function main(): Promise<void> {
  const context = {
    ...contextOf(dir),
    secret: () => Promise.resolve(url),
  };
  const target = targets.find((one) => one.type === type) as unknown as {
    open(options: object, given: typeof context): OpenTarget;
  };
  const open = target.open(JSON.parse(options) as object, context);
  pass('before the load');
  // Files are written and not yet synced.
  const { open: openFile } = fs;
  fs.open = (...given) => {
    pass('in the load');
    return openFile(...given);
  };
  await open.load(KEY, createPart({ index: 0, schema, rows: ROWS, path, firstRow: 0 }, context));
  pass('before publish');
  await open.publish(KEY, schema, ROWS);
}

main().then(
  () => writeSync(1, 'done\n'),
  (error: unknown) => writeSync(1, `refused ${String((error as { code?: string }).code)}\n`),
);
