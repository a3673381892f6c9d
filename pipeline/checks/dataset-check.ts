/** A check of the input as a whole under the settings that all checks have. */
import type { CheckVerdict, DatasetCheck, GlobalCheck } from '../../plugin/check';
import { judge, type Judged } from './policy';

/** Which rows a check looks at. */
export interface Condition {
  sql: string;
  columns: ReadonlySet<string>;
}

/** A check with its name in reports, and what follows when it fails. */
export type NamedDatasetCheck = DatasetCheck & Judged & LooksAt;
export type NamedGlobalCheck = GlobalCheck & Judged & LooksAt;

interface LooksAt {
  /** Only rows that meet it are looked at. */
  where?: Condition | undefined;
  /** Digest of what it keeps for later runs. */
  keptAs?: string | undefined;
}

/** The number of rows that a check with thresholds looks at; no measure of a plugin has this name. */
const ROWS = '_flexetl_rows';

interface Counted {
  rows: number;
  state: unknown;
}

/** With thresholds the status follows from the number of failing rows, otherwise from the verdict of the check. */
export function datasetCheck(check: DatasetCheck, judged: Judged, looksAt: LooksAt): NamedDatasetCheck {
  const named = { ...check, ...judged, ...looksAt, severity: severityOf(judged) };
  if (!hasThreshold(judged)) return named;
  const counted: DatasetCheck<Counted> = {
    ...check,
    measure: { ...check.measure, [ROWS]: 'count(*)' },
    read: ({ [ROWS]: rows, ...measured }) => ({ rows: Number(rows), state: check.read(measured) }),
    merge: (a, b) => ({ rows: a.rows + b.rows, state: check.merge(a.state, b.state) }),
    empty: { rows: 0, state: check.empty },
    verdict: ({ rows, state }, { nowMs, earlier }) =>
      limit(judged, check.verdict(state, { nowMs, earlier: earlier.map((one) => one.state) }), rows),
  };
  return { ...named, ...(counted as DatasetCheck) };
}

/** The same for a check that needs all rows at once. */
export function globalCheck(check: GlobalCheck, judged: Judged, looksAt: LooksAt): NamedGlobalCheck {
  const named = { ...check, ...judged, ...looksAt, severity: severityOf(judged) };
  if (!hasThreshold(judged)) return named;
  return {
    ...named,
    measure: (tables) =>
      `SELECT *, (SELECT count(*) FROM ${tables.rows}) AS ${ROWS} FROM (${check.measure(tables)})`,
    verdict: ({ [ROWS]: rows, ...measured }) => limit(judged, check.verdict(measured), Number(rows)),
  };
}

function severityOf({ onFailure }: Judged): Judged['severity'] {
  return onFailure === 'warn' ? 'warn' : 'reject';
}

function hasThreshold({ warnWhen, failWhen }: Judged): boolean {
  return warnWhen !== undefined || failWhen !== undefined;
}

function limit(judged: Judged, { failing_rows, message }: CheckVerdict, rows: number): CheckVerdict {
  const status = judge({ ...judged, onFailure: 'fail' }, failing_rows, rows);
  return { status, failing_rows, message: message ?? `${failing_rows} of ${rows} rows fail` };
}
