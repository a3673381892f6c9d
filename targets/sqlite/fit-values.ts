/** Whether staged values go into an existing table as they are, and the SQL that gives them the form of its columns. */
import { nameKey } from '../../pipeline/columns';
import { FlexetlError } from '../../pipeline/errors';
import { ident } from '../../pipeline/sql';
import type { Column, Schema } from '../../pipeline/types';
import { affinityOf, isDecimalText } from './affinity';
import type { Sqlite } from './binding';
import { decimalTextSql, readColumns, readTextColumns, type SqliteColumn } from './tables';

interface Pair {
  column: Column;
  /** The column of the table that gets its values. */
  into: SqliteColumn;
}

/**
 * @returns by column the SQL of its staged values, of the alias `s`, where they need another form
 * @throws FlexetlError TARGET_INCOMPATIBLE naming a column whose values SQLite would refuse or change
 */
export function fitValues(
  db: Sqlite,
  place: string,
  table: string,
  stage: string,
  schema: Schema,
): Map<string, string> {
  const existing = new Map(readColumns(db, table).map((into) => [nameKey(into.name), into]));
  const pairs = schema.flatMap((column): Pair[] => {
    const into = existing.get(nameKey(column.name));
    return into ? [{ column, into }] : [];
  });
  assertValues(db, place, stage, pairs);
  const staged = readTextColumns(db, stage);
  assertDecimals(db, place, stage, pairs, staged);
  const texts = pairs.filter(({ into }) => isDecimalText(into.type));
  return new Map(
    texts.flatMap(({ column: { name, type } }) =>
      type.kind === 'decimal' ? [[name, decimalTextSql(`s.${ident(name)}`, type.scale)] as const] : [],
    ),
  );
}

/** SQLite would put a number of its own for a null into an INTEGER PRIMARY KEY, and null into other primary keys. */
function assertValues(db: Sqlite, place: string, stage: string, pairs: readonly Pair[]): void {
  const needed = pairs.filter(({ into }) => into.pk > 0 || into.notnull === 1);
  const found = findFirst(db, stage, needed, (name) => `${name} IS NULL`);
  if (!found) return;
  const { name, pk } = found.into;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place}: column "${name}" ${pk > 0 ? 'is of the primary key' : 'must not be null'}, and ${found.rows} of this run have no value for it. Nothing was published.`,
    hint: 'Fill the column with a derive, or remove such rows with drop_nulls.',
  });
}

function assertDecimals(
  db: Sqlite,
  place: string,
  stage: string,
  pairs: readonly Pair[],
  staged: ReadonlySet<string>,
): void {
  const numbers = pairs.filter(
    ({ column, into }) => column.type.kind === 'decimal' && !isDecimalText(into.type),
  );
  const long = numbers.find(({ column }) => staged.has(column.name));
  if (long) {
    throw new FlexetlError('TARGET_INCOMPATIBLE', {
      message: `${place}: column "${long.into.name}" keeps 15 digits of a decimal, and a value of this run has more. Nothing was published.`,
      hint: 'Make it a column of type DECIMAL_TEXT, or round the value with a cast.',
    });
  }
  const safe = Number.MAX_SAFE_INTEGER;
  const reals = numbers.filter(({ into }) => affinityOf(into.type) === 'REAL');
  const whole = (name: string): string =>
    `typeof(${name}) = 'integer' AND ${name} NOT BETWEEN -${safe} AND ${safe}`;
  const found = findFirst(db, stage, reals, whole);
  if (!found) return;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place}: column "${found.into.name}" is ${found.into.type}, which rounds whole numbers of more than 15 digits, and ${found.rows} of this run have one. Nothing was published.`,
    hint: 'Make it a column of type DECIMAL, or cast the value to float in the pipeline.',
  });
}

/** The first column with staged values of which a condition is true, and in how many rows. */
function findFirst(
  db: Sqlite,
  stage: string,
  pairs: readonly Pair[],
  condition: (name: string) => string,
): { into: SqliteColumn; rows: string } | undefined {
  if (pairs.length === 0) return undefined;
  const counts = pairs.map(({ column }) => `count(CASE WHEN ${condition(ident(column.name))} THEN 1 END)`);
  const found = db
    .prepare(`SELECT ${counts.join(', ')} FROM ${ident(stage)}`)
    .raw()
    .get() as number[];
  const at = found.findIndex((rows) => rows > 0);
  const pair = pairs[at];
  return pair && { into: pair.into, rows: found[at] === 1 ? '1 row' : `${found[at]} rows` };
}
