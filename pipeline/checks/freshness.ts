import { z } from 'zod';
import { defineCheck, type DatasetCheck } from '../../plugin/check';
import { requireColumn } from '../columns';
import { FlexetlError } from '../errors';
import { ident } from '../sql';
import { formatType } from '../types';

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The latest time in milliseconds since 1970; null where there is none. */
interface Latest {
  ms: number | null;
}

/** Bounds the age of the latest time in a column, at the moment of validate. */
export const freshness = defineCheck({
  type: 'freshness',
  description: 'The latest value of a column of dates or timestamps is not older than a given time.',
  options: z.strictObject({
    column: z
      .string()
      .describe('A date, which counts from its beginning, or a timestamp; without an offset it is UTC.'),
    max_age: z
      .string()
      .regex(/^[1-9][0-9]{0,5}[mhd]$/, {
        error: 'expected minutes, hours or days, as in 90m, 24h or 7d.',
      })
      .describe('The greatest age that passes: `90m`, `24h` or `7d`.'),
  }),
  compile({ column: name, max_age }, schema) {
    const { type } = requireColumn(name, schema, 'freshness');
    if (!['date', 'timestamp', 'unknown'].includes(type.kind)) {
      throw new FlexetlError('SCHEMA_MISMATCH', {
        message: `freshness: the column "${name}" is ${formatType(type)}, expected a date or timestamp.`,
        hint: 'Declare its type in validation.schema.',
      });
    }
    const ageMaxMs = Number(max_age.slice(0, -1)) * (UNIT_MS[max_age.slice(-1)] ?? 0);
    const check: DatasetCheck<Latest> = {
      scope: 'dataset',
      rowless: true,
      columns: [name],
      measure: { ms: `epoch_ms(CAST(max(${ident(name)}) AS TIMESTAMP))` },
      read: ({ ms }) => ({ ms: ms == null ? null : Number(ms) }),
      merge: (a, b) => ({ ms: a.ms === null || (b.ms !== null && b.ms > a.ms) ? b.ms : a.ms }),
      empty: { ms: null },
      verdict: ({ ms }, { nowMs }) => {
        if (ms !== null && nowMs - ms <= ageMaxMs) return { status: 'passed', failing_rows: 0 };
        const found = ms === null ? 'has no value' : `ends at ${new Date(ms).toISOString()}`;
        const now = new Date(nowMs).toISOString();
        const message = `column "${name}" ${found}, expected a time at most ${max_age} before ${now}`;
        return { status: 'failed', failing_rows: 0, message };
      },
    };
    return [check as DatasetCheck];
  },
});
