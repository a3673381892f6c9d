/**
 * From texts to types: declared columns, and the narrowest type that fits every value of an undeclared one.
 *
 * Evidence is what a set of texts shows of its type. It forms a lattice (integer → decimal → float → string, date → timestamp →
 * string, instant → string, boolean → string), so merging gives the same type for every order and partitioning of the texts.
 */
import { FlexetlError } from './errors';
import { LIMITS } from './limits';
import { suggest } from './suggest';
import { hasForm, plainText } from './text-forms';
import {
  countDigits,
  decimal,
  DATE,
  INTEGER,
  BOOLEAN,
  STRING,
  UNKNOWN,
  EXPONENT_PATTERN,
  explainMismatch,
  FLOAT,
  isDouble,
  parseType,
  rulesOf,
  type Column,
  type ColumnType,
  type Schema,
  type TextRules,
  type TypeKind,
} from './types';

export interface TypeEvidence {
  /** `none`: only nulls so far. `instant`: a timestamp with an offset from UTC. */
  kind: 'none' | 'integer' | 'decimal' | 'float' | 'date' | 'timestamp' | 'instant' | 'boolean' | 'string';
  integerDigits: number;
  scale: number;
  /** There is a number that no double holds: it can be no float. */
  beyondDouble?: true;
}

/** Evidence by column name. A map, because a column may be called like a member of every object. */
export type Evidence = ReadonlyMap<string, TypeEvidence>;

/** {@link Evidence} in a receipt: `new Map(entries)` is the evidence. */
export type EvidenceEntries = readonly (readonly [string, TypeEvidence])[];

/** One column of the source as the run treats it. */
export interface SourceColumn {
  name: string;
  /** As declared in `validation.schema`; `decimal` gets as many digits as the input needs. */
  declared?: ColumnType | 'decimal';
  nullable: boolean;
  /** False: it is not used and not staged, but checked if declared. */
  staged: boolean;
  /** Kinds whose texts have a form of their own, see `text-forms.ts`: their values do not give them back. */
  formed?: readonly TypeKind[];
}

/** Timestamps without an offset, and with one. Together they are text: a bare time is not in UTC. */
export const LOCAL: ColumnType = { kind: 'timestamp', offset: false };
export const INSTANT: ColumnType = { kind: 'timestamp', offset: true };

export const NO_EVIDENCE: TypeEvidence = { kind: 'none', integerDigits: 0, scale: 0 };

/** What one text of an undeclared column shows. */
export function evidenceOfText(text: string, rules: TextRules): TypeEvidence {
  const fits = (type: ColumnType): boolean => explainMismatch(text, type, rules, 'canonical') === null;
  const plain = plainText(text, 'decimal', rules);
  const digits = plain === null ? null : decimalDigits(plain);
  const isDecimal =
    digits !== null &&
    fits(decimal(LIMITS.decimalDigitsMax, Math.min(digits.scale, LIMITS.decimalDigitsMax)));
  const beyond = plain !== null && plain.length > DOUBLE_DIGITS && !isDouble(plain);
  const beyondDouble = beyond ? { beyondDouble: true as const } : {};
  if (fits(INTEGER)) {
    const { integerDigits } = countDigits(plainText(text, 'integer', rules) ?? '');
    return { kind: 'integer', integerDigits, scale: 0, ...beyondDouble };
  }
  if (isDecimal) return { kind: 'decimal', ...digits, ...beyondDouble };
  if (plain !== null && EXPONENT.test(plain) && fits(FLOAT))
    return { kind: 'float', integerDigits: 0, scale: 0 };
  if (fits(DATE)) return { kind: 'date', integerDigits: 0, scale: 0 };
  if (fits(LOCAL)) return { kind: 'timestamp', integerDigits: 0, scale: 0 };
  if (fits(INSTANT)) return { kind: 'instant', integerDigits: 0, scale: 0 };
  if (fits(BOOLEAN)) return { kind: 'boolean', integerDigits: 0, scale: 0 };
  return { kind: 'string', integerDigits: 0, scale: 0 };
}

/** A decimal of so many digits comes back from a double as it was. */
const DOUBLE_DIGITS = 15;
const EXPONENT = new RegExp(`^(?:${EXPONENT_PATTERN})$`);

/** What one text of a column declared `decimal` shows; null when it is not a decimal, or has too many digits. */
export function evidenceOfDecimal(text: string, rules: TextRules): TypeEvidence | null {
  const plain = plainText(text, 'decimal', rules);
  const digits = plain === null ? null : decimalDigits(plain);
  if (!digits || digits.integerDigits + digits.scale > LIMITS.decimalDigitsMax) return null;
  const type = decimal(LIMITS.decimalDigitsMax, digits.scale);
  return explainMismatch(text, type, rules) === null ? { kind: 'decimal', ...digits } : null;
}

function decimalDigits(plain: string): { integerDigits: number; scale: number } | null {
  const digits = countDigits(plain);
  return digits.scale <= LIMITS.decimalDigitsMax ? digits : null;
}

/** The narrowest evidence that covers both. Associative, commutative, idempotent; `NO_EVIDENCE` is neutral. */
export function mergeEvidence(a: TypeEvidence, b: TypeEvidence): TypeEvidence {
  const integerDigits = Math.max(a.integerDigits, b.integerDigits);
  const scale = Math.max(a.scale, b.scale);
  const beyond = a.beyondDouble ?? b.beyondDouble;
  const kind = mergeKinds(a.kind, b.kind);
  return { kind, integerDigits, scale, ...(beyond && { beyondDouble: beyond }) };
}

function mergeKinds(a: TypeEvidence['kind'], b: TypeEvidence['kind']): TypeEvidence['kind'] {
  if (a === b || b === 'none') return a;
  if (a === 'none') return b;
  const pair = new Set([a, b]);
  if (pair.has('integer') && pair.has('decimal')) return 'decimal';
  if (pair.has('float') && (pair.has('integer') || pair.has('decimal'))) return 'float';
  if (pair.has('date') && pair.has('timestamp')) return 'timestamp';
  return 'string';
}

export function mergeAllEvidence(all: readonly Evidence[]): Evidence {
  const merged = new Map<string, TypeEvidence>();
  for (const evidence of all) {
    for (const [name, found] of evidence)
      merged.set(name, mergeEvidence(merged.get(name) ?? NO_EVIDENCE, found));
  }
  return merged;
}

/** The narrowest type that fits what was seen; more than 38 digits can only be text. */
export function typeOfEvidence(found: TypeEvidence): ColumnType {
  switch (found.kind) {
    case 'none':
      return UNKNOWN;
    case 'string':
      return STRING;
    case 'integer':
      return INTEGER;
    case 'float':
      // What made a column of decimals text does so here too: a type only becomes wider.
      return found.beyondDouble || found.integerDigits + found.scale > LIMITS.decimalDigitsMax
        ? STRING
        : FLOAT;
    case 'date':
      return DATE;
    case 'timestamp':
      return LOCAL;
    case 'instant':
      return INSTANT;
    case 'boolean':
      return BOOLEAN;
    case 'decimal': {
      const digits = found.integerDigits + found.scale;
      return digits > LIMITS.decimalDigitsMax ? STRING : decimal(widthFor(digits), found.scale);
    }
  }
}

/**
 * The type of a column declared `decimal`: the largest scale wins; values that then have too many digits are rejects.
 */
function typeOfInferredDecimal(found: TypeEvidence): ColumnType {
  return decimal(widthFor(found.integerDigits + found.scale), found.scale);
}

/** Only two widths, so that the type seldom changes while the input is read. */
function widthFor(digits: number): number {
  return digits <= LIMITS.decimalDigitsFast ? LIMITS.decimalDigitsFast : LIMITS.decimalDigitsMax;
}

/** True when the type of the column is inferred from the values. */
export function isInferred(column: SourceColumn): boolean {
  return column.declared === undefined || column.declared === 'decimal';
}

/** Kinds whose values do not always give back the texts that they were inferred from. */
const RESPELLED: ReadonlySet<TypeKind> = new Set(['decimal', 'float', 'timestamp', 'boolean']);

/** The column with the type known so far. */
export function typedColumn(column: SourceColumn, evidence: Evidence): Column {
  const found = evidence.get(column.name) ?? NO_EVIDENCE;
  const { name, nullable, declared } = column;
  if (declared === undefined) {
    const type = typeOfEvidence(found);
    const respelled = RESPELLED.has(type.kind) || column.formed?.includes(type.kind) === true;
    return { name, nullable, type, ...(respelled && { respelled }) };
  }
  if (declared === 'decimal') return { name, nullable, declared: true, type: typeOfInferredDecimal(found) };
  return { name, nullable, declared: true, type: declared };
}

/** The columns with what is known of the forms of their texts. */
export function withForms(columns: readonly SourceColumn[], rules: TextRules): SourceColumn[] {
  return columns.map((column) => {
    const formed = (['integer', 'date'] as const).filter((kind) =>
      hasForm(kind, rulesOf(rules, column.name)),
    );
    return formed.length === 0 ? column : { ...column, formed };
  });
}

/** All staged columns, typed. */
export function stagedSchema(columns: readonly SourceColumn[], evidence: Evidence): Schema {
  return columns.filter((column) => column.staged).map((column) => typedColumn(column, evidence));
}

/**
 * Evidence of the inferred columns in a sample.
 * @param records texts in the order of `columns`
 */
export function evidenceOfSample(
  columns: readonly SourceColumn[],
  records: readonly (readonly (string | null)[])[],
  rules: TextRules,
): Evidence {
  const evidence = new Map<string, TypeEvidence>();
  columns.forEach((column, index) => {
    if (!isInferred(column)) return;
    let merged = NO_EVIDENCE;
    const own = rulesOf(rules, column.name);
    for (const record of records) {
      const text = record[index];
      if (text == null) continue;
      const found = column.declared === 'decimal' ? evidenceOfDecimal(text, own) : evidenceOfText(text, own);
      if (found) merged = mergeEvidence(merged, found);
    }
    evidence.set(column.name, merged);
  });
  return evidence;
}

/** Evidence of the columns that a source knows to be text, whatever their values look like. */
export function evidenceOfTextColumns(
  columns: readonly SourceColumn[],
  names: readonly string[] = [],
): Evidence {
  const texts = columns.filter(({ name, declared }) => declared === undefined && names.includes(name));
  return new Map(texts.map(({ name }) => [name, { kind: 'string', integerDigits: 0, scale: 0 }]));
}

/** Declares the columns that have no declaration of their own. */
const ALL_COLUMNS = '*';

/** A column in `validation.schema`. */
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
    if (names.includes(name) || name === ALL_COLUMNS) continue;
    const near = suggest(name, names);
    throw new FlexetlError('SCHEMA_MISMATCH', {
      message: `validation.schema declares the column "${name}", which the source does not have; it has ${names.slice(0, 20).join(', ')}.`,
      hint: near
        ? `Did you mean "${near}"?`
        : 'Remove it from validation.schema, or check the header of the source.',
    });
  }
  return names.map((name) => {
    const own = [name, ALL_COLUMNS].find((key) => Object.hasOwn(declarations, key));
    const declaration = own === undefined ? undefined : declarations[own];
    const declared = declaration?.type === undefined ? undefined : parseType(declaration.type);
    return { name, nullable: declaration?.nullable ?? true, staged: true, ...(declared && { declared }) };
  });
}
