/** Inferred columns as texts: their values are exact, their spelling is not kept, so a text is refused, never changed. */
import { evidenceOfSample, stagedSchema } from '../../../pipeline/schema';
import { transformRows, type Step } from '../../support/rows';

const TEXTS: Readonly<Record<string, string[]>> = {
  version: ['1.1', '1.10'],
  at: ['2026-01-01T10:00:00+05:30', '2026-01-01T10:00Z'],
  flag: ['TRUE', 'false'],
  n: ['5', '10'],
  day: ['2026-01-31', '2026-02-01'],
  name: ['a', 'b'],
};
const ROW = ['1.10', '2026-01-01 10:00:00', 'true', '5', '2026-01-31', 'a'];

function schemaOf(declared: boolean) {
  const columns = Object.keys(TEXTS).map((name) => ({ name, nullable: true, staged: true }));
  const records = [0, 1].map((row) => Object.values(TEXTS).map((texts) => texts[row] ?? null));
  const schema = stagedSchema(columns, evidenceOfSample(columns, records, { decimal_separator: '.' }));
  return declared ? schema.map(({ name, type }) => ({ name, type, declared: true })) : schema;
}

const concat = (name: string): Step => ({ type: 'derive', columns: { x: `concat(${name}, '!')` } });
const cast = (name: string, to = 'string'): Step => ({ type: 'cast', columns: { [name]: to } });

it.each(['version', 'at', 'flag'])('%s cannot be a text unless it is declared', async (name) => {
  const hint = expect.stringContaining(`Declare "${name}" in validation.schema: as string`) as string;
  await expect(transformRows([cast(name)], schemaOf(false), [ROW])).rejects.toMatchObject({ hint });
  await expect(transformRows([concat(name)], schemaOf(false), [ROW])).rejects.toMatchObject({ hint });
  const renamed = [{ type: 'rename', columns: { [name]: 'y' } }, cast('y')];
  await expect(transformRows(renamed, schemaOf(false), [ROW])).rejects.toMatchObject({
    code: 'SCHEMA_MISMATCH',
  });
  for (const step of [cast(name), concat(name)])
    expect((await transformRows([step], schemaOf(true), [ROW])).rows).toHaveLength(1);
});

it.each(['n', 'day', 'name'])('%s gives its text back', async (name) => {
  const { rows } = await transformRows([concat(name), cast(name)], schemaOf(false), [ROW]);
  expect(rows[0]?.at(-1)).toBe(`${ROW[Object.keys(TEXTS).indexOf(name)]}!`);
});

it('what a step computes of an inferred column is no guess', async () => {
  const steps = [
    { type: 'derive', columns: { x: 'version * 2' } },
    cast('x'),
    cast('version', 'decimal(10,3)'),
    cast('version'),
  ];
  const { rows } = await transformRows(steps, schemaOf(false), [ROW]);
  expect([rows[0]?.[0], rows[0]?.at(-1)]).toEqual(['1.100', '2.20']);
});
