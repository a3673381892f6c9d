import { join } from 'node:path';
import { callThread } from '../../runtime/thread';
import { makeFolder } from '../support/folder';

const THREAD = join(__dirname, '../../sources/csv/csv-thread');
const dialect = { delimiter: ',', quote: '"', escape: '"', newline: '\n' };
const slice = (path: string): object => ({
  task: 'slice',
  path,
  shown: 'x.csv',
  dialect,
  size: 9,
  start: 0,
  target: 9,
});

describe('work in a thread', () => {
  it('fails with the error of the work', async () => {
    const path = join(makeFolder(), 'missing.csv');
    await expect(callThread(THREAD, slice(path), new AbortController().signal)).rejects.toMatchObject({
      name: 'FlexetlError',
      code: 'SOURCE_MISSING',
      message: 'There is no file x.csv.',
    });
  });

  it('keeps the code of an error of the system', async () => {
    const job = { ...slice(__filename), copy: join(makeFolder(), 'no/such/folder') };
    await expect(callThread(THREAD, job, new AbortController().signal)).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('ends at once when it is cancelled', async () => {
    const abort = new AbortController();
    const answer = callThread(THREAD, slice(__filename), abort.signal);
    abort.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    await expect(callThread(THREAD, slice(__filename), abort.signal)).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});
