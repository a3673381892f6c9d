/** Incremental reading of records by a cursor: a field that grows, as the time of the last change or a number. */
import { z } from 'zod';

const bound = () => z.union([z.string().min(1), z.number()]);

/** An option of sources of records; {@link checkCursor} completes it. */
export const incrementalByCursor = z.strictObject({
  cursor: z
    .string()
    .min(1)
    .describe('The field that grows, with dots between nested keys: `meta.updated_at`.'),
  initial_value: bound().describe('Where the first run begins: a number, a date or a time.'),
  end_value: bound()
    .optional()
    .describe('The last value that is read. Default: the time of the start of the run; a number has no end.'),
  lag: z
    .number()
    .min(0)
    .default(0)
    .describe('Seconds, or units of a number, that are read again for records that come late.'),
  step: z
    .number()
    .positive()
    .optional()
    .describe('Seconds, or units of a number, of one request; default: all in one. Needs an end.'),
  granularity: z
    .enum(['day', 'second', 'millisecond', 'microsecond'])
    .optional()
    .describe('How exact times are in requests. Default: as `initial_value`, at least seconds.'),
  order: z
    .enum(['asc'])
    .optional()
    .describe(
      'The source gives records in ascending order of the cursor, which is checked. Then each page is asked for from the last value on: records that move while pages are read are neither lost nor doubled.',
    ),
  on_null: z
    .enum(['fail', 'skip', 'include'])
    .default('fail')
    .describe('Records without a cursor. include: they are loaded by every run that finds them.'),
});

export type CursorOptions = z.infer<typeof incrementalByCursor>;

/** What a request asks for, as texts for it; both ends are included. */
export interface Bounds {
  start: string;
  /** Empty for a number without an end. */
  end: string;
}
