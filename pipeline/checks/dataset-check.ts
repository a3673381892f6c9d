/** A check of the input as a whole under the settings that all checks have. */
import type { DatasetCheck } from '../../plugin/check';
import { judge, type Judged } from './policy';

/** Which rows a check looks at. */
export interface Condition {
  sql: string;
  columns: ReadonlySet<string>;
}

/** A check with its name in reports, and what follows when it fails. */
export type NamedDatasetCheck = DatasetCheck & Judged & { where?: Condition };

/** The number of rows that a check with thresholds looks at; no measure of a plugin has this name. */
const ROWS = '_flexetl_rows';

interface Counted {
  rows: number;
  state: unknown;
}

/**
 * With thresholds the status follows from the number of failing rows, otherwise from the verdict of the check.
 * @param where only rows that meet it are measured
 */
export function datasetCheck(
  check: DatasetCheck,
  judged: Judged,
  where: Condition | undefined,
): NamedDatasetCheck {
  const severity = judged.onFailure === 'warn' ? ('warn' as const) : ('reject' as const);
  const named = { ...check, ...judged, severity, ...(where !== undefined && { where }) };
  if (judged.warnWhen === undefined && judged.failWhen === undefined) return named;
  const counted: DatasetCheck<Counted> = {
    ...check,
    measure: { ...check.measure, [ROWS]: 'count(*)' },
    read: ({ [ROWS]: rows, ...measured }) => ({ rows: Number(rows), state: check.read(measured) }),
    merge: (a, b) => ({ rows: a.rows + b.rows, state: check.merge(a.state, b.state) }),
    empty: { rows: 0, state: check.empty },
    verdict: ({ rows, state }) => {
      const { failing_rows, message } = check.verdict(state);
      const status = judge({ ...judged, onFailure: 'fail' }, failing_rows, rows);
      return { status, failing_rows, message: message ?? `${failing_rows} of ${rows} rows fail` };
    },
  };
  return { ...named, ...(counted as DatasetCheck) };
}
