/** Values: a type that nothing was seen of, literals beside times and decimals, floats of every size. */
import { openCase } from '../support/run-case';

describe('a column that is empty at first, or throughout', () => {
  it('is summed when its first value comes late', async () => {
    const { run, rows } = openCase('column-empty-at-first');
    await run();
    expect(rows()).toEqual([['11', '1002']]);
  });

  it('is compared with a number', async () => {
    const { run, rows } = openCase('column-empty-at-first');
    await run('pipeline-filter.yaml');
    expect(rows()).toEqual([['1001', '6']]);
  });

  it('has the sum null when it has no value at all', async () => {
    const { run, rows } = openCase('column-empty-at-first');
    await run('pipeline-none.yaml');
    expect(rows()).toEqual([
      ['a', null],
      ['b', null],
    ]);
  });

  it('is appended to a table of other types, with rows and without', async () => {
    const { run, rows } = openCase('append-empty-batch');
    await run();
    for (const day of ['tuesday', 'wednesday', 'thursday'])
      await run(undefined, { overrides: [`source.path=data/${day}.csv`] });
    expect(rows()).toEqual([
      ['1', '5'],
      ['2', null],
      ['3', '7'],
    ]);
  });
});

describe('a time in a condition', () => {
  it.each([
    ['pipeline.yaml', ['2', '3']],
    ['pipeline-in.yaml', ['2']],
    ['pipeline-no-seconds.yaml', ['2', '3']],
  ])('means what it means in the data: %s', async (file, ids) => {
    const { run, rows } = openCase('timestamp-literal-offset');
    await run(file);
    expect(rows()?.map(([id]) => id)).toEqual(ids);
  });

  it('means the same in an expression', async () => {
    const { run, rows } = openCase('timestamp-literal-offset');
    await run('pipeline-derive.yaml');
    expect(rows()?.map(([id, , late]) => [id, late])).toEqual([
      ['1', '0'],
      ['2', '1'],
      ['3', '1'],
    ]);
  });
});

it('a decimal of many digits is compared with a number before its point', async () => {
  const { run, rows } = openCase('filter-of-a-long-decimal');
  await run();
  expect(rows()).toEqual([['1.12345678901234567890123456789'], ['2.00000000000000000000000000000']]);
});

it('sums of floats are rounded once, however small the floats are', async () => {
  const { run, rows } = openCase('tiny-floats');
  await run();
  expect(rows()?.map(([key, sum, mean]) => [key, Number(sum), Number(mean)])).toEqual([
    ['a', 2.9999999999999996e-60, 1.4999999999999998e-60],
    ['b', 1.2345678901234566e-40, 1.2345678901234566e-40],
    ['c', 6.62607015e-34, 6.62607015e-34],
    ['d', 5e-324, 5e-324],
    ['e', 1.602176634e-19, 8.01088317e-20],
  ]);
});
