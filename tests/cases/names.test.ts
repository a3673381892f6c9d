/** Names of users' columns and folders that the engine uses for itself. */
import { openCase } from '../support/run-case';

it('a column may be called file_index', async () => {
  const { run, rows } = openCase('column-named-file-index');
  const { read, output } = await run();
  expect([read, output]).toEqual([4, 3]);
  expect(rows()).toEqual([
    [null, 'a', 'first'],
    [null, 'b', 'only'],
    [null, 'c', 'x'],
  ]);
  await run('pipeline-first.yaml');
  expect(rows()).toEqual([
    ['a', 'first', '9'],
    ['b', 'only', '5'],
  ]);
});
