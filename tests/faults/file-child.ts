/** A process that loads into a file target, tells how far it is, and is killed: `file-child.ts <dir> <parquet>`. */
import { createPart } from '../../runtime/batches/part';
import { fakeLines } from '../support/fake-file-target';
import { contextOf } from '../support/parts';
import { KEY, ROWS, SCHEMA } from './target-job';

const [dir = '', path = ''] = process.argv.slice(2);
const say = (word: string): void => void process.stdout.write(`${word}\n`);

async function main(): Promise<void> {
  const context = { ...contextOf(dir), progress: () => say('written') };
  const target = fakeLines.open({ path: 'out', mode: 'replace' }, context);
  for (const index of [0, 1]) {
    const firstRow = (index * ROWS) / 2;
    await target.load(KEY, createPart({ index, schema: SCHEMA, rows: ROWS / 2, path, firstRow }, context));
    say(`loaded ${index}`);
  }
  say('publishing');
  await target.publish(KEY, SCHEMA, ROWS);
  say('published');
}

void main();
