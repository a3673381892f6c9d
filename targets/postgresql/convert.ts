/** Staged values in the form of the columns of an existing table. */
import { FlexetlError } from '../../pipeline/errors';
import { ident } from '../../pipeline/sql';
import type { Schema } from '../../pipeline/types';
import type { SqlSession } from '../sql/dialect';
import type { TableOptions } from '../sql/options';
import { CAST_TYPES, refusedSql } from './types';

/**
 * @param stage the staging table, of the alias `s`
 * @returns by column the SQL of its staged values, where they need another form
 * @throws FlexetlError TARGET_INCOMPATIBLE naming the first column with values that it does not take
 */
export async function convertValues(
  db: SqlSession,
  { table: shown }: TableOptions,
  table: string,
  stage: string,
  schema: Schema,
): Promise<Map<string, string>> {
  const existing = new Map((await db.columns(table)).map(({ name, type }) => [name, type]));
  const narrow = schema.flatMap(({ name }) => {
    const type = existing.get(name) ?? '';
    const refused = refusedSql(type, ident(name));
    return refused === undefined ? [] : [{ name, type, refused }];
  });
  if (narrow.length > 0) {
    const counts = narrow.map(({ refused }, at) => `count(*) FILTER (WHERE ${refused}) AS c${at}`);
    const [found = {}] = await db.all(`SELECT ${counts.join(', ')} FROM ${ident(stage)}`);
    const at = narrow.findIndex((_, index) => Number(found[`c${index}`]) > 0);
    if (narrow[at]) throw tooNarrow(shown, narrow[at], Number(found[`c${at}`]));
  }
  return new Map(
    schema.flatMap(({ name }) => {
      const type = existing.get(name) ?? '';
      return CAST_TYPES.includes(type) ? [[name, `CAST(s.${ident(name)} AS ${type})`] as const] : [];
    }),
  );
}

function tooNarrow(
  table: string,
  { name, type }: { name: string; type: string },
  rows: number,
): FlexetlError {
  return new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `Column "${name}" of table ${table} is ${type}, and ${rows} ${rows === 1 ? 'row' : 'rows'} of this run ${rows === 1 ? 'has' : 'have'} a value that does not fit into it. Nothing was published.`,
    hint: 'Alter the column to a wider type, or change or filter the values.',
  });
}
