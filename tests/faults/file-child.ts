/** A process that loads into a target of files, tells how far it is, and is killed: `file-child.ts <dir> <parquet> <job>`. */
import { createPart } from '../../runtime/batches/part';
import { contextOf } from '../support/parts';
import { FILE_JOBS, FILE_SCHEMA as schema } from './file-job';
import { KEY, ROWS } from './target-job';

const [dir = '', path = '', job = ''] = process.argv.slice(2);
const say = (word: string): void => void process.stdout.write(`${word}\n`);

async function main(): Promise<void> {
  const context = { ...contextOf(dir), progress: () => say('written') };
  const target = FILE_JOBS[job]!.open(context);
  for (const index of [0, 1]) {
    const firstRow = (index * ROWS) / 2;
    say('loading');
    await target.load(KEY, createPart({ index, schema, rows: ROWS / 2, path, firstRow }, context));
    say(`loaded ${index}`);
  }
  say('publishing');
  await target.publish(KEY, schema, ROWS);
  say('published');
}

void main();
