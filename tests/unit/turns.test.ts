import { join } from 'node:path';
import { createTurns } from '../../runtime/turns';
import { makeFolder } from '../support/folder';

describe('turns', () => {
  it('of all that share a folder and a name keep one pace', async () => {
    const dir = join(makeFolder(), 'turns');
    const { signal } = new AbortController();
    // As two workers.
    const workers = [createTurns(dir, signal), createTurns(dir, signal)];
    const pace = { requests: 20, perMs: 1000 };
    const startMs = Date.now();
    await Promise.all(
      workers.map(async (turn) => {
        for (let index = 0; index < 4; index += 1) await turn('https://a', pace);
      }),
    );
    // The eighth turn is seven slots after the first at the earliest.
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(7 * 50);
  });

  it('end with the run that waits for one', async () => {
    const abort = new AbortController();
    const turn = createTurns(join(makeFolder(), 'turns'), abort.signal);
    const pace = { requests: 1, perMs: 86_400_000 };
    const waiting = Promise.all([turn('a', pace), turn('a', pace)]);
    abort.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
  });
});
