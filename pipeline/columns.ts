/** Names of columns: internal ones, required ones, allowed ones, and lists for a SELECT. */
import { FlexetlError } from './errors';
import { ident } from './sql';
import { hintForName } from './suggest';
import { findColumn, type Column, type Schema } from './types';

/** The prefix of internal columns, in any case; names of users must not start with it. */
const RESERVED_PREFIX = '_flexetl';

/** The number of a record: keeps the order of records through all steps. */
export const RECORD_COLUMN = '_flexetl_record';

/** Of groups: the number of rows that a group stands for. */
export const ROWS_COLUMN = '_flexetl_rows';

/** Of partial groups: the boundary between steps that their rows reach, see `transforms/partial-groups.ts`. */
export const REACHED_COLUMN = '_flexetl_reached';

/**
 * Of staged rows: null for a row that passes all checks. For one that fails: the texts of all checked columns, then for
 * each check '1' if the row fails it, otherwise null. It is one list because a second one costs 5 % of extract.
 */
export const FAILED_COLUMN = '_flexetl_failed';

/** Of partial groups: the states of an aggregate, in one column or several. */
export const STATE_PREFIX = '_flexetl_state_';

/** True for a row that is rejected; false for a good one, also if it fails checks that only warn. */
export const REJECTED_COLUMN = '_flexetl_rejected';

/**
 * The columns of these names.
 * @param where the step that needs them, for messages: `filter`
 * @throws FlexetlError SCHEMA_MISMATCH for a name that the schema lacks
 */
export function requireColumns(names: readonly string[], schema: Schema, where: string): Column[] {
  return names.map((name) => {
    const column = findColumn(schema, name);
    if (column) return column;
    throw new FlexetlError('SCHEMA_MISMATCH', {
      message: `${where}: there is no column "${name}" at this step.`,
      hint: hintForName(
        name,
        schema.map((one) => one.name),
        'columns',
      ),
    });
  });
}

export function requireColumn(name: string, schema: Schema, where: string): Column {
  const [column] = requireColumns([name], schema, where);
  if (!column) throw new FlexetlError('INTERNAL', { message: 'A required column is missing.' });
  return column;
}

/** The same for names that are one name to DuckDB and SQLite: they ignore the case of A to Z, and of no other letter. */
export function nameKey(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/**
 * Checks the columns that a step puts out. DuckDB and SQLite ignore case in names.
 * @throws FlexetlError CONFIG_INVALID for an empty, reserved or repeated name
 */
export function assertColumnNames(names: readonly string[], where: string): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const key = nameKey(name);
    const before = seen.get(key);
    const problem =
      name === ''
        ? 'a column has an empty name'
        : key.startsWith(RESERVED_PREFIX)
          ? `the column name "${name}" is reserved`
          : name.includes('\0')
            ? 'a column name contains a NUL character'
            : before !== undefined
              ? `the columns "${before}" and "${name}" have the same name (upper and lower case are equal)`
              : undefined;
    if (problem !== undefined) {
      throw new FlexetlError('CONFIG_INVALID', {
        message: `${where}: ${problem}.`,
        hint: 'Give each column a different name that does not start with _flexetl.',
      });
    }
    seen.set(key, name);
  }
}

/** `"a", "b"`: the quoted names of those columns of the schema that exist, in its order. */
export function columnList(schema: Schema, there: ReadonlySet<string>): string[] {
  return schema.filter(({ name }) => there.has(name)).map(({ name }) => ident(name));
}

/** SELECT of these terms and the record number. */
export function selectRows(terms: readonly string[], input: string, rest = ''): string {
  return `SELECT ${[...terms, ident(RECORD_COLUMN)].join(', ')} FROM ${input}${rest === '' ? '' : ` ${rest}`}`;
}

export function union(...sets: Iterable<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((set) => [...set]));
}

const NAME_CHARS_MAX = 200;

/**
 * What is wrong with the name of a column of a source, as in `has no name`; undefined for a good name. Names that
 * differ only in case are the same name in SQL.
 * @param seen the {@link nameKey} of the earlier names, with their numbers
 */
export function explainColumnName(name: string, seen: ReadonlyMap<string, number>): string | undefined {
  if (name.trim() === '') return 'has no name';
  if (name.length > NAME_CHARS_MAX) {
    return `has a name of ${name.length} characters, the limit is ${NAME_CHARS_MAX}`;
  }
  const lower = nameKey(name);
  if (lower.startsWith(RESERVED_PREFIX)) return `has the name "${name}", which is reserved`;
  const earlier = seen.get(lower);
  return earlier === undefined ? undefined : `has the name "${name}", which column ${earlier} has already`;
}
