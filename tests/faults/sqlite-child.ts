/** A process that loads into SQLite, tells how far it is, and is killed: `sqlite-child.ts <dir> <job> <parquet>`. */
import { createPart } from '../../runtime/batches/part';
import { contextOf } from '../support/parts';
import { sqlite } from '../../targets/sqlite';
import { KEY, OPTIONS, ROWS, SCHEMA } from './target-job';

const [dir = '', job = '', path = ''] = process.argv.slice(2);
const say = (word: string): void => void process.stdout.write(`${word}\n`);

async function main(): Promise<void> {
  const context = { ...contextOf(dir), progress: () => say('written') };
  const target = sqlite.open(OPTIONS, context);
  const part = createPart({ index: 0, schema: SCHEMA, rows: ROWS, path, firstRow: 0 }, context);
  const { rows } = await target.load(KEY, part);
  say(`loaded ${rows}`);
  if (job === 'hang after load') await new Promise(() => setInterval(() => undefined, 1000));
  if (job === 'load') return;
  say('publishing');
  await target.publish(KEY, SCHEMA, rows);
  say('published');
}

void main();
