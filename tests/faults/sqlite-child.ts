/** A process that loads into SQLite, tells how far it is, and waits to be killed: `sqlite-child.ts <dir> <job>`. */
import type { RecordBatch } from 'apache-arrow';
import { createBatch } from '../support/arrow-rows';
import { toolsOf } from '../support/tools';
import { sqlite } from '../../targets/sqlite';
import { KEY, OPTIONS, ROWS, SCHEMA } from './sqlite-job';

const [dir = '', job = ''] = process.argv.slice(2);
const say = (word: string): void => void process.stdout.write(`${word}\n`);
const forever = (): Promise<never> => new Promise(() => setInterval(() => undefined, 1000));

async function* batches(): AsyncGenerator<RecordBatch> {
  yield await Promise.resolve(createBatch(SCHEMA, ROWS.slice(0, 10_000)));
  if (job === 'hang in load') await forever();
  yield createBatch(SCHEMA, ROWS.slice(10_000));
}

async function main(): Promise<void> {
  const tools = { ...toolsOf(dir), progress: () => say('written') };
  const { rows } = await sqlite.loadPart(OPTIONS, KEY, 0, SCHEMA, batches(), tools);
  say(`loaded ${rows}`);
  if (job === 'hang after load') await forever();
  if (job === 'load') return;
  say('publishing');
  await sqlite.publish(OPTIONS, KEY, SCHEMA, tools, rows);
  say('published');
}

void main();
