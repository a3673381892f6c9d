/**
 * What `targets/sql/` must know about a database. It does the staging table, the load ledger, publish, merge and
 * clean-up; a dialect gives quoting, its types, its bulk write, its transactions and its catalogue.
 *
 * All SQL of the base is what SQLite, PostgreSQL and DuckDB have in common: identifiers quoted by `quote`, texts in
 * single quotes, `INSERT … SELECT`, `UPDATE … FROM`, `ALTER TABLE … RENAME TO`.
 */
import type { ColumnType, Schema } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import type { Batch, Part, TargetCapabilities } from '../../plugin/target';
import type { TableOptions } from './options';

export interface SqlDialect<Options extends TableOptions> {
  /** As users know it, in messages: `SQLite`. */
  name: string;
  capabilities: TargetCapabilities;
  /** How users know the database of these options; never with a password: `output/sales.db`. */
  database(options: Options): string;
  /** Path of the database's file, relative to the project; absent for a server. */
  path?(options: Options): string;
  quote(name: string): string;
  /** Names that differ only in case are one name. */
  ignoresCase: boolean;
  /** Its tables have no order: staging tables of a merge get a column for it, which `write` fills with `stagePart`. */
  numbersRows?: true;
  /** The type of a column in a table that is created. */
  declare(type: ColumnType): string;
  /** Whether a column declared like that keeps every value of a type as it is. */
  keeps(declared: string, type: ColumnType): boolean;
  /**
   * @param use what it is for: a `check` changes nothing, not even by connecting
   * @returns undefined if there is no database yet and it must not be created: for `check` and `discard`
   * @throws FlexetlError TARGET_INVALID, TARGET_BUSY
   */
  connect(options: Options, context: PluginContext, use: SessionUse): Promise<SqlSession | undefined>;
  /** @throws FlexetlError TARGET_INCOMPATIBLE for columns that no table of this database can have */
  assertSchema?(schema: Schema, place: string): void;
  /**
   * Refuses a table to which rows cannot be published, for reasons that the base does not check.
   * @throws FlexetlError TARGET_INVALID, TARGET_INCOMPATIBLE
   */
  assertTable?(session: SqlSession, options: Options, schema: Schema): Promise<void>;
  /** Names of the triggers that rows of a publish set off. */
  triggers?(session: SqlSession, options: Options): Promise<readonly string[]>;
  /** The FlexetlError that an error of the database means; others come back as they are. */
  explain(error: unknown, options: Options): unknown;
}

export type SessionUse = 'check' | 'load' | 'publish' | 'discard';

/** A connection. */
export interface SqlSession {
  /** @returns rows that an INSERT, UPDATE or DELETE has changed; any number for other statements */
  run(sql: string): Promise<number>;
  all(sql: string): Promise<Record<string, unknown>[]>;
  /**
   * All of `work` or, after an error or a cancellation, nothing. Reads inside see no half of another transaction, and
   * two that insert the same key into the load ledger cannot both succeed.
   */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /** Columns in order; empty if the table does not exist. */
  columns(table: string): Promise<readonly TableColumn[]>;
  /**
   * Writes a part into its staging table, inside a transaction.
   * @param batches the rows of the part; a dialect with a better way may read `part.path` itself
   * @returns the rows written
   */
  write(table: string, part: Part, batches: AsyncIterable<Batch>): Promise<number>;
  /** SQL of an order of the staging table, `s`, in which parts come one after the other; undefined: no order. */
  order?(schema: Schema): string;
  /** SQL of columns of the staging table, `s`, in the form that the table has for their values; default: unchanged. */
  convert?(table: string, stage: string, schema: Schema): Promise<ReadonlyMap<string, string>>;
  /** Replaces the table, which may not exist, by the staging table. Default: drop and rename. */
  replace?(table: string, stage: string): Promise<void>;
  /**
   * Replaces only the rows of a table that has a definition to keep: keys, constraints, defaults.
   * @param insert writes the new rows from the staging table
   * @returns false, with nothing done, for a table that `replace` may replace as a whole. Default: every table
   */
  refill?(table: string, insert: () => Promise<void>, stage: string): Promise<boolean>;
  close(): Promise<void>;
}

/** A column of an existing table. */
export interface TableColumn {
  name: string;
  /** As it was declared. */
  type: string;
  /** A row must have a value: the column is not null, has no default and is not filled by the database. */
  required: boolean;
  /** The database computes it. */
  generated: boolean;
}
