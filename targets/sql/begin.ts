/** What a database has of a load before it begins, and the removal of what other runs have left. */
import type { LoadAnswer, LoadKey } from '../../plugin/target';
import type { SqlDialect, SqlSession } from './dialect';
import { openLedger, type OpenLoad } from './load-ledger';
import { removeLoad } from './publish';

interface Found {
  answer: LoadAnswer;
  /** Loads that nobody continues. */
  leftOver: readonly OpenLoad[];
  /** The key is published, but its table is gone. */
  isVoid: boolean;
}

/** Changes nothing. @param table as the database compares names */
export async function findLoads(
  db: SqlSession,
  key: LoadKey,
  table: string,
  anyRun: boolean,
): Promise<Found> {
  const ledger = openLedger(db, key, table);
  if (!(await ledger.exists())) return { answer: { answer: 'fresh' }, leftOver: [], isVoid: false };
  const open = await ledger.open();
  const published = await ledger.published();
  const hasTable = (await db.columns(table)).length > 0;
  const earlier = hasTable && (published ?? (anyRun ? await ledger.publishedByAny() : undefined));
  if (earlier) {
    const answer = earlier.digest === key.digest ? 'published' : 'reused';
    return { answer: { answer, load: earlier }, leftOver: open, isVoid: false };
  }
  const isVoid = published !== undefined;
  const ofKey = open.filter(({ runKey }) => runKey === key.runKey);
  const own = isVoid ? undefined : ofKey.find(({ plan }) => plan === key.plan);
  const answer = own ? 'resume' : ofKey.length > 0 ? 'stale' : 'fresh';
  return { answer: { answer }, leftOver: open.filter((load) => load !== own), isVoid };
}

/** Inside a transaction. */
export async function removeLeftOver(
  dialect: Pick<SqlDialect<never>, 'quote'>,
  db: SqlSession,
  key: LoadKey,
  table: string,
  { leftOver, isVoid }: Found,
): Promise<void> {
  if (isVoid) await openLedger(db, key, table).forgetPublished();
  for (const load of leftOver) await removeLoad(dialect, table, db, key, load);
}
