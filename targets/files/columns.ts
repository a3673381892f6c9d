/** Which columns files have, and whether an existing set of files can take the rows of a schema. */
import { nameKey } from '../../pipeline/columns';
import { FlexetlError } from '../../pipeline/errors';
import { ident, sqlType } from '../../pipeline/sql';
import { findColumn, formatType, sameType, STRING, type ColumnType, type Schema } from '../../pipeline/types';
import { selectPart } from '../../runtime/batches/part';
import type { FilePart } from './encoder';
import type { Manifest } from './manifest';
import { formatOf, type FileUse } from './options';

/**
 * The columns of the files to write, which the existing set of files takes.
 * @throws FlexetlError TARGET_INCOMPATIBLE
 */
export function columnsFor(use: FileUse, schema: Schema, manifest: Manifest): Schema {
  const { encoder, options, place } = use;
  if (options.mode === 'replace' || manifest.files.length === 0)
    return fileColumns(place.name, schema, [], 'evolve');
  const [found, expected] = [manifest.format, formatOf(use)].map((format) => JSON.stringify(format));
  if (found !== expected) {
    throw incompatible(place.name, [`they were written with ${found}, the pipeline has ${expected}`]);
  }
  const columns = fileColumns(place.name, schema, manifest.schema, options.schema_contract ?? 'freeze');
  const own = fileColumns(place.name, schema, [], 'freeze');
  if (encoder.lane === 'rows' && listColumns(columns) !== listColumns(own)) {
    const [there, here] = [manifest.schema, schema].map(listColumns);
    throw incompatible(place.name, [`they have ${there}, the pipeline has ${here}`]);
  }
  return columns;
}

const listColumns = (columns: Schema): string =>
  columns.map(({ name, type }) => `${name} ${formatType(type)}`).join(', ');

/**
 * The columns of the files to write: those of the existing files, in their order and with their types, then new ones.
 * @param existing empty: there are no files
 * @throws FlexetlError TARGET_INCOMPATIBLE naming every column that does not fit
 */
export function fileColumns(
  place: string,
  schema: Schema,
  existing: Schema,
  contract: 'evolve' | 'freeze',
): Schema {
  // No file format has a type for columns without a value.
  const columns = schema.map(({ name, type }) => ({ name, type: type.kind === 'unknown' ? STRING : type }));
  if (existing.length === 0) return assertNames(place, columns);
  const added = columns.filter(({ name }) => !findColumn(existing, name));
  const problems = existing.flatMap(({ name, type }) => {
    const found = findColumn(schema, name);
    if (!found || fits(found.type, type)) return [];
    return [`column "${name}" is ${formatType(type)}, the pipeline has ${formatType(found.type)}`];
  });
  if (contract === 'freeze')
    problems.push(...added.map(({ name, type }) => `the files lack column "${name}" (${formatType(type)})`));
  if (problems.length > 0) throw incompatible(place, problems);
  return assertNames(place, [...existing, ...added]);
}

/** DuckDB, which writes the files, and many readers ignore the case of names. */
function assertNames(place: string, columns: Schema): Schema {
  const seen = new Map<string, string>();
  for (const { name } of columns) {
    const other = seen.get(nameKey(name));
    if (other !== undefined) {
      throw new FlexetlError('TARGET_INCOMPATIBLE', {
        message: `${place}: columns "${other}" and "${name}" are the same name to readers that ignore case.`,
        hint: 'Give one of them another name with a rename.',
      });
    }
    seen.set(nameKey(name), name);
  }
  return columns;
}

export function incompatible(place: string, problems: readonly string[]): FlexetlError {
  return new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place} has files that cannot take the rows of this pipeline: ${problems.join('; ')}.`,
    hint: 'Change the pipeline with validation.schema, select, rename or cast, or use mode: replace.',
  });
}

/** Every value of a type is one of the other. */
function fits(type: ColumnType, other: ColumnType): boolean {
  if (type.kind === 'unknown' || sameType(type, other)) return true;
  if (type.kind === 'date') return other.kind === 'timestamp';
  if (other.kind !== 'decimal') return false;
  const room = other.precision - other.scale;
  if (type.kind === 'integer') return room >= INTEGER_DIGITS;
  return type.kind === 'decimal' && type.scale <= other.scale && type.precision - type.scale <= room;
}

/** Of a 64-bit integer. */
const INTEGER_DIGITS = 19;

/**
 * The rows of a part with the columns of its file, in order.
 * @param rowNumber a name for one more column, by which the rows are in order
 */
export function selectColumns(part: FilePart, rowNumber?: string): string {
  const terms = part.columns.map(({ name, type }) => {
    const found = findColumn(part.schema, name);
    return `CAST(${found ? ident(name) : 'NULL'} AS ${sqlType(type)}) AS ${ident(name)}`;
  });
  if (rowNumber === undefined) return `SELECT ${terms.join(', ')} FROM (${selectPart(part)})`;
  const numbered = selectPart(part, [`file_row_number AS ${ident(rowNumber)}`]);
  return `SELECT ${[...terms, ident(rowNumber)].join(', ')} FROM (${numbered})`;
}
