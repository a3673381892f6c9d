/** The sections of a pipeline file without plugins. */
import { z } from 'zod';
import { columnRules } from '../checks/column-rules';
import { columnSettings, ON_FAILURE } from '../checks/policy';
import { suggest } from '../suggest';
import { parseType } from '../types';
import { assertExpressions } from './expressions';
import { show } from './problems';

export const typeName = z.string().refine((text) => parseType(text) !== undefined, {
  error: ({ input }) => {
    const near = suggest(String(input), TYPE_NAMES);
    const expected = `${TYPE_NAMES.join(', ')} or decimal(precision,scale) with at most 38 digits`;
    return `unknown column type ${show(input)}, expected ${expected}.${near ? ` Did you mean "${near}"?` : ''}`;
  },
});

const TYPE_NAMES = ['string', 'integer', 'float', 'decimal', 'boolean', 'date', 'timestamp'];

/** `name: integer` is short for `name: {type: integer}`. */
const column = z
  .preprocess(
    (written) => (typeof written === 'string' ? { type: written } : written),
    z
      .strictObject({
        type: typeName
          .optional()
          .describe(
            '`string`, `integer`, `float`, `decimal`, `decimal(p,s)`, `boolean`, `date` or `timestamp`. A value of another type fails the run. Default: inferred from the values.',
          ),
        nullable: z.boolean().default(true).describe('Whether the column may hold nulls.'),
        ...columnRules.shape,
        ...columnSettings.shape,
      })
      .superRefine((written, ctx) => assertExpressions(columnSettings, written, ctx)),
  )
  .meta({ shorthand: true });

export const validation = z.strictObject({
  schema: z
    .record(z.string().min(1), column)
    .default({})
    .describe(
      'Columns of the input by name; `"*"` is all that have no declaration of their own. `name: integer` is short for `name: {type: integer}`.',
    ),
  on_failure: z
    .enum(ON_FAILURE)
    .optional()
    .describe(
      'What follows when a check fails. `fail`: nothing is loaded. `warn`: it is reported, and the rows are loaded. `continue`: rows that fail are quarantined in the dead-letter queue, the others loaded. Default: `continue` where the queue is enabled, else `fail`.',
    ),
  report: z
    .strictObject({
      html: z
        .boolean()
        .default(true)
        .describe(
          'Whether a page to read is written beside the JSON report. A run that fails in prepare has one.',
        ),
      profile: z
        .boolean()
        .default(true)
        .describe(
          'Whether the report has nulls, distinct values, minimum, maximum and a histogram of each column of the source.',
        ),
    })
    .prefault({})
    .describe('The report of a run, under `output/reports/`.'),
});

export const faultTolerance = z.strictObject({
  retry: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether a failed step is tried again.'),
      max_attempts: z.int().min(1).max(100).default(3).describe('Attempts of one step, the first included.'),
      backoff_strategy: z
        .enum(['exponential', 'linear', 'constant'], { error: ({ input }) => explainStrategy(input) })
        .default('exponential')
        .describe(
          '`exponential`: each wait is longer by the multiplier. `linear`: each is longer by the first wait. `constant`: all are equal. Chance makes each wait up to a quarter shorter, so that steps that failed together do not try again together.',
        ),
      backoff_multiplier: z
        .number()
        .min(1)
        .max(100)
        .default(2)
        .describe('The factor between two waits, for `exponential`.'),
      initial_backoff_seconds: z
        .number()
        .min(0.001)
        .max(3600)
        .default(1)
        .describe('The wait before the second attempt.'),
      max_backoff_seconds: z
        .number()
        .min(0.001)
        .max(86_400)
        .default(60)
        .describe('The longest wait between two attempts, unless a service asks for a longer one.'),
    })
    .refine((retry) => retry.initial_backoff_seconds <= retry.max_backoff_seconds, {
      path: ['max_backoff_seconds'],
      error: 'shorter than initial_backoff_seconds, expected at least as long.',
    })
    .prefault({})
    .describe('Retries of steps that failed for a temporary reason.'),
  checkpoints: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe(
          'Whether a run that failed can go on where it was. If false, its staged parts are removed, and a run that is started again begins from zero. Parts that a target of a partial run still waits for are kept.',
        ),
      interval: z
        .int()
        .min(1)
        .optional()
        .describe(
          'The most records of a chunk: so many are redone after a kill, for each chunk in work. A `chunk_size` that is smaller counts instead. Small chunks cost time, about 0.05 s each. Default: chunks of about a second of work.',
        ),
    })
    .prefault({})
    .describe('Checkpoints: each chunk that is done is one.'),
  busy_timeout_seconds: z
    .number()
    .min(0)
    .max(604_800)
    .default(600)
    .describe(
      'How long a step waits for something that comes back: a locked or unreachable target, a full disk, a folder that cannot be written. Such waits do not count as attempts.',
    ),
  dead_letter_queue: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe(
          'Whether records that fail are kept aside, so that the others are loaded. If false, they fail the run.',
        ),
      path: z
        .string()
        .min(1)
        .default('failed_records/')
        .describe('The folder of the queues, relative to the project: `<path>/<pipeline>/<run key>/`.'),
      max_records: z
        .int()
        .min(0)
        .optional()
        .describe('With more failed records than this the run fails, and nothing is loaded.'),
      max_percentage: z
        .number()
        .min(0)
        .max(100)
        .optional()
        .describe('With more failed records than this, in percent of those read, the run fails.'),
    })
    .prefault({})
    .describe('Where records that fail are kept, to be corrected and replayed.'),
});

function explainStrategy(input: unknown): string {
  const expected = 'expected one of exponential, linear, constant.';
  if (input === 'fixed') return `found "fixed", ${expected} Did you mean "constant"?`;
  return `found ${show(input)}, ${expected}`;
}

export const scalability = z.strictObject({
  processing: z
    .strictObject({
      mode: z
        .enum(['standard', 'chunked'], { error: ({ input }) => explainMode(input) })
        .optional()
        .describe(
          '`standard`: FlexETL chooses the chunks; input that fits in one is read in place. `chunked`: chunks of `chunk_size` records. Default: `chunked` where `chunk_size` is given, else `standard`. The result is the same.',
        ),
      chunk_size: z.int().min(1).optional().describe('Approximate number of records in one chunk.'),
      parallel_workers: z
        .int()
        .min(1)
        .max(64)
        .optional()
        .describe('Chunks processed at the same time, over all workers.'),
    })
    .refine((processing) => !(processing.mode === 'standard' && processing.chunk_size !== undefined), {
      path: ['chunk_size'],
      error: 'has no effect in the mode "standard". Remove it, or set mode: chunked.',
    })
    .transform(({ mode, ...rest }) => ({
      mode: mode ?? (rest.chunk_size === undefined ? ('standard' as const) : ('chunked' as const)),
      ...rest,
    }))
    .prefault({})
    .describe('Chunks and parallel work.'),
  memory: z
    .strictObject({
      limit_mb: z
        .int()
        .min(64)
        .max(1_048_576)
        .optional()
        .describe(
          'The memory of the query engine, in megabytes; parallel steps share it. Default: a quarter of the memory of the machine or container, at least 700 and at most 2,000.',
        ),
      spill_to_disk: z
        .boolean()
        .default(true)
        .describe(
          'Whether work that does not fit into memory is written to disk. If false, such a run fails.',
        ),
    })
    .prefault({})
    .describe('Memory of a worker.'),
});

function explainMode(input: unknown): string {
  return input === 'dask'
    ? 'found "dask", expected standard or chunked. Use chunked with parallel_workers: the work is spread over Temporal workers instead of Dask.'
    : `found ${show(input)}, expected one of standard, chunked.`;
}

export const monitoring = z.strictObject({
  logging: z
    .strictObject({
      level: z
        .enum(['DEBUG', 'INFO', 'WARNING', 'ERROR'])
        .default('INFO')
        .describe('The minimum level that is logged.'),
      format: z.enum(['json', 'text']).default('text').describe('The form of the lines in the file.'),
      output: z
        .string()
        .min(1)
        .default('logs/flexetl.log')
        .describe('The log file, relative to the project.'),
      rotation: z.enum(['daily', 'none']).default('daily').describe('When a new file is started.'),
    })
    .prefault({})
    .describe('The log file; the console shows the same.'),
});
