/**
 * From texts to types: declared columns, and the narrowest type that fits every value of an undeclared one.
 *
 * A need is what a set of texts asks of a type. Needs form a lattice (integer → decimal → string, date →
 * timestamp → string, boolean → string), so merging them gives the same type in whatever order and chunking
 * the texts are seen.
 */
import { FlexetlError } from './errors';
import { LIMITS } from './limits';
import { suggest } from './suggest';
import {
  countDigits,
  decimal,
  DATE,
  INTEGER,
  BOOLEAN,
  STRING,
  TIMESTAMP,
  explainMisfit,
  parseType,
  type Column,
  type ColumnType,
  type Schema,
  type TextRules,
} from './types';

export interface TypeNeed {
  /** `none`: only nulls so far. */
  kind: 'none' | 'integer' | 'decimal' | 'date' | 'timestamp' | 'boolean' | 'string';
  integerDigits: number;
  scale: number;
}

/** Needs by column name. */
export type Needs = Readonly<Record<string, TypeNeed>>;

/** One column of the source as the run treats it. */
export interface SourceColumn {
  name: string;
  /** As declared in `validation.schema`; `decimal` has as many digits as the input needs. */
  declared?: ColumnType | 'decimal';
  nullable: boolean;
  /** False: nothing uses it, it is checked if declared, and not staged. */
  staged: boolean;
}

export const NO_NEED: TypeNeed = { kind: 'none', integerDigits: 0, scale: 0 };

/** What one text of an undeclared column asks for. */
export function needOfText(text: string, rules: TextRules): TypeNeed {
  const fits = (type: ColumnType): boolean => explainMisfit(text, type, rules, 'canonical') === null;
  if (fits(INTEGER)) return { kind: 'integer', integerDigits: countDigits(text).integerDigits, scale: 0 };
  const digits = decimalDigits(text, rules);
  if (digits && fits(decimal(LIMITS.decimalDigitsMax, Math.min(digits.scale, LIMITS.decimalDigitsMax)))) {
    return { kind: 'decimal', ...digits };
  }
  if (fits(DATE)) return { kind: 'date', integerDigits: 0, scale: 0 };
  if (fits(TIMESTAMP)) return { kind: 'timestamp', integerDigits: 0, scale: 0 };
  if (fits(BOOLEAN)) return { kind: 'boolean', integerDigits: 0, scale: 0 };
  return { kind: 'string', integerDigits: 0, scale: 0 };
}

/** What one text of a column declared `decimal` asks for; null when it is none, or has too many digits. */
export function needOfDecimal(text: string, rules: TextRules): TypeNeed | null {
  const digits = decimalDigits(text, rules);
  if (!digits || digits.integerDigits + digits.scale > LIMITS.decimalDigitsMax) return null;
  const type = decimal(LIMITS.decimalDigitsMax, digits.scale);
  return explainMisfit(text, type, rules) === null ? { kind: 'decimal', ...digits } : null;
}

function decimalDigits(text: string, rules: TextRules): { integerDigits: number; scale: number } | null {
  const point = rules.decimal_separator;
  const digits = countDigits(point === '.' ? text : text.replace(point, '.'));
  return digits.scale <= LIMITS.decimalDigitsMax ? digits : null;
}

/** The least need that covers both. Associative, commutative, idempotent; `NO_NEED` is neutral. */
export function mergeNeeds(a: TypeNeed, b: TypeNeed): TypeNeed {
  const integerDigits = Math.max(a.integerDigits, b.integerDigits);
  const scale = Math.max(a.scale, b.scale);
  return { kind: mergeKinds(a.kind, b.kind), integerDigits, scale };
}

function mergeKinds(a: TypeNeed['kind'], b: TypeNeed['kind']): TypeNeed['kind'] {
  if (a === b || b === 'none') return a;
  if (a === 'none') return b;
  const pair = new Set([a, b]);
  if (pair.has('integer') && pair.has('decimal')) return 'decimal';
  if (pair.has('date') && pair.has('timestamp')) return 'timestamp';
  return 'string';
}

export function mergeAllNeeds(all: readonly Needs[]): Needs {
  const merged: Record<string, TypeNeed> = {};
  for (const needs of all) {
    for (const [name, need] of Object.entries(needs))
      merged[name] = mergeNeeds(merged[name] ?? NO_NEED, need);
  }
  return merged;
}

/** The type that serves a need; more than 38 digits can only be text. */
export function typeOfNeed(need: TypeNeed): ColumnType {
  switch (need.kind) {
    case 'none':
    case 'string':
      return STRING;
    case 'integer':
      return INTEGER;
    case 'date':
      return DATE;
    case 'timestamp':
      return TIMESTAMP;
    case 'boolean':
      return BOOLEAN;
    case 'decimal': {
      const digits = need.integerDigits + need.scale;
      return digits > LIMITS.decimalDigitsMax ? STRING : decimal(widthFor(digits), need.scale);
    }
  }
}

/** The type of a column declared `decimal`: the largest scale wins, values without room are rejects. */
function typeOfOpenDecimal(need: TypeNeed): ColumnType {
  return decimal(widthFor(need.integerDigits + need.scale), need.scale);
}

/** Two widths only, so that the type depends on as little of the input as possible. */
function widthFor(digits: number): number {
  return digits <= LIMITS.decimalDigitsFast ? LIMITS.decimalDigitsFast : LIMITS.decimalDigitsMax;
}

/** True when the type of the column follows from the values. */
export function isOpen(column: SourceColumn): boolean {
  return column.declared === undefined || column.declared === 'decimal';
}

/** The column with its type under the needs known so far. */
export function typedColumn(column: SourceColumn, needs: Needs): Column {
  const need = needs[column.name] ?? NO_NEED;
  const { name, nullable, declared } = column;
  if (declared === undefined) return { name, nullable, type: typeOfNeed(need) };
  if (declared === 'decimal') return { name, nullable, declared: true, type: typeOfOpenDecimal(need) };
  return { name, nullable, declared: true, type: declared };
}

/** All staged columns, typed. */
export function stagedSchema(columns: readonly SourceColumn[], needs: Needs): Schema {
  return columns.filter((column) => column.staged).map((column) => typedColumn(column, needs));
}

/**
 * Needs of the open columns in a sample.
 * @param records texts in the order of `columns`
 */
export function needsOfSample(
  columns: readonly SourceColumn[],
  records: readonly (readonly (string | null)[])[],
  rules: TextRules,
): Needs {
  const needs: Record<string, TypeNeed> = {};
  columns.forEach((column, index) => {
    if (!isOpen(column)) return;
    let need = NO_NEED;
    for (const record of records) {
      const text = record[index];
      if (text == null) continue;
      const found = column.declared === 'decimal' ? needOfDecimal(text, rules) : needOfText(text, rules);
      if (found) need = mergeNeeds(need, found);
    }
    needs[column.name] = need;
  });
  return needs;
}

/** What `validation.schema` says of a column. */
export interface Declaration {
  type?: string | undefined;
  nullable?: boolean | undefined;
}

/**
 * Joins the source's column names with the declarations.
 * @throws FlexetlError SCHEMA_MISMATCH for a declared column that the source lacks
 */
export function declareColumns(
  names: readonly string[],
  declarations: Readonly<Record<string, Declaration>>,
): SourceColumn[] {
  for (const name of Object.keys(declarations)) {
    if (names.includes(name)) continue;
    const near = suggest(name, names);
    throw new FlexetlError('SCHEMA_MISMATCH', {
      message: `validation.schema declares the column "${name}", which the source does not have; it has ${names.slice(0, 20).join(', ')}.`,
      hint: near
        ? `Did you mean "${near}"?`
        : 'Remove it from validation.schema, or check the header of the source.',
    });
  }
  return names.map((name) => {
    const declaration = Object.hasOwn(declarations, name) ? declarations[name] : undefined;
    const declared = declaration?.type === undefined ? undefined : parseType(declaration.type);
    return { name, nullable: declaration?.nullable ?? true, staged: true, ...(declared && { declared }) };
  });
}
