/**
 * Replacing a table inside a transaction: docs/decisions/0025-replace-keeps-a-table.md.
 *
 * A table without rules of its own gets the columns of the pipeline; one with keys, constraints or defaults keeps its
 * definition and gets new rows. Indexes, triggers and views stay, no trigger fires, and references stay whole.
 */
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { ident } from '../../pipeline/sql';
import type { Sqlite } from './binding';

/** Words of a definition that say more than names and types; quoted names, texts and comments do not count. */
const RULES =
  /\b(AS|CHECK|COLLATE|CONSTRAINT|DEFAULT|FOREIGN|NOT|PRIMARY|REFERENCES|STRICT|UNIQUE|WITHOUT)\b/i;
const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*.*?\*\//gs;

/** @param sql the statement that made a table */
export function hasRules(sql: string): boolean {
  return RULES.test(sql.replace(QUOTED, ' '));
}

export interface TablePlace {
  db: Sqlite;
  /** In messages: `output/sales.db, table sales`. */
  place: string;
  table: string;
}

/** The staging table takes the place of the table, and gets its indexes and triggers. */
export function replaceTable(at: TablePlace, stage: string): Promise<void> {
  return keepReferences(at, () => {
    const views = listViews(at);
    const extras = readExtras(at, ['index', 'trigger']);
    at.db.exec(`DROP TABLE IF EXISTS ${ident(at.table)}`);
    at.db.exec(`ALTER TABLE ${ident(stage)} RENAME TO ${ident(at.table)}`);
    createExtras(at, extras);
    assertViews(at, views);
  });
}

/** Views of the database that can be read. */
function listViews({ db }: TablePlace): string[] {
  const names = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'view'`).pluck().all() as string[];
  return names.filter((name) => explainView(db, name) === undefined);
}

/** @throws FlexetlError TARGET_INCOMPATIBLE for a view that asks for a column that is gone */
function assertViews({ db, place }: TablePlace, views: readonly string[]): void {
  for (const name of views) {
    const problem = explainView(db, name);
    if (problem === undefined) continue;
    throw new FlexetlError('TARGET_INCOMPATIBLE', {
      message: `${place}: view "${name}" does not fit the columns of this run: ${problem}. The old table is unchanged.`,
      hint: 'Drop the view, or keep the column in the pipeline.',
    });
  }
}

function explainView(db: Sqlite, name: string): string | undefined {
  try {
    db.prepare(`SELECT * FROM ${ident(name)}`);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Removes all rows of a table with rules, and has `insert` write the new ones.
 * @returns false, with nothing done, for a table without rules
 */
export async function refillTable(at: TablePlace, insert: () => Promise<void>): Promise<boolean> {
  const sql = at.db
    .prepare(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE`)
    .pluck()
    .get(at.table);
  if (!hasRules(String(sql))) return false;
  await keepReferences(at, async () => {
    const triggers = readExtras(at, ['trigger']);
    for (const { name } of triggers) at.db.exec(`DROP TRIGGER ${ident(name)}`);
    at.db.exec(`DELETE FROM ${ident(at.table)}`);
    await insert();
    createExtras(at, triggers);
  });
  return true;
}

interface Extra {
  type: string;
  name: string;
  sql: string;
}

function readExtras({ db, table }: TablePlace, types: readonly string[]): Extra[] {
  const sql = `SELECT type, name, sql FROM sqlite_schema
    WHERE tbl_name = ? COLLATE NOCASE AND type IN (${types.map(() => '?').join(', ')}) AND sql IS NOT NULL`;
  return db.prepare(sql).all(table, ...types) as Extra[];
}

function createExtras({ db, place }: TablePlace, extras: readonly Extra[]): void {
  for (const { type, name, sql } of extras) {
    try {
      db.exec(sql);
    } catch (cause) {
      throw new FlexetlError('TARGET_INCOMPATIBLE', {
        message: `${place}: ${type} "${name}" does not fit the new rows: ${messageOf(cause)}. The old table is unchanged.`,
        hint: `Drop the ${type}, or change the pipeline so that it fits.`,
        cause,
      });
    }
  }
}

/**
 * SQLite does not enforce foreign keys meanwhile, because dropping or emptying a table would delete rows of others.
 * @throws FlexetlError TARGET_INCOMPATIBLE for rows of the table, or of others, that refer to rows that are not there
 */
async function keepReferences(at: TablePlace, work: () => void | Promise<void>): Promise<void> {
  // References that were broken before, and those that SQLite cannot check, are not this load's.
  const known = new Map(referringTables(at).map((child) => [child, findOrphans(at, child)]));
  await work();
  for (const [child, before] of known) {
    if (!before) continue;
    const lost = [...(findOrphans(at, child) ?? [])].filter((row) => !before.has(row)).length;
    if (lost > 0)
      throw brokenReference(
        at,
        `${countRows(lost)} of table ${child} refer to rows that this run does not have`,
      );
  }
  const own = at.db.prepare('SELECT parent, count(*) FROM pragma_foreign_key_check(?) GROUP BY parent').raw();
  const [first] = own.all(at.table) as [string, number][];
  if (first)
    throw brokenReference(
      at,
      `${countRows(first[1])} of this run refer to rows that table ${first[0]} does not have`,
    );
}

/** Other tables with a foreign key to this one. */
function referringTables({ db, table }: TablePlace): string[] {
  const sql = `SELECT DISTINCT s.name FROM sqlite_schema AS s, pragma_foreign_key_list(s.name) AS k
    WHERE s.type = 'table' AND k."table" = $table COLLATE NOCASE AND s.name <> $table COLLATE NOCASE`;
  return db.prepare(sql).pluck().all({ table }) as string[];
}

/** Rows of a table that refer to rows of the target's that are not there; undefined where SQLite cannot say. */
function findOrphans({ db, table }: TablePlace, child: string): Set<string> | undefined {
  const sql = `SELECT coalesce(rowid, '') || ' ' || fkid FROM pragma_foreign_key_check(?) WHERE parent = ? COLLATE NOCASE`;
  try {
    return new Set(db.prepare(sql).pluck().all(child, table) as string[]);
  } catch {
    return undefined;
  }
}

function countRows(rows: number): string {
  return rows === 1 ? '1 row' : `${rows} rows`;
}

function brokenReference({ place }: TablePlace, found: string): FlexetlError {
  return new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place}: foreign key violated: ${found}. The old table is unchanged.`,
    hint: 'Load the missing rows, filter rows without a match, or drop the foreign key.',
  });
}
