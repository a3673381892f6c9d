/** The options of the CSV source. */
import { z } from 'zod';
import { path } from '../../plugin/options';
import { encodingOption } from '../files/encoding';
import { incrementalFiles } from '../files/incremental';
import { explainForms, formOptions } from './form-options';

const ASCII_CHAR = /^(?![\0\r\n])\p{ASCII}$/u;
const char = (): z.ZodString => z.string().regex(ASCII_CHAR, 'must be one ASCII character');

export const csvOptions = z
  .strictObject({
    path: path().describe(
      'A file, a glob or a folder (its *.csv, *.tsv and the same with .gz, .zst or .zip that are not hidden), relative to the project.',
    ),
    delimiter: z
      .string()
      .regex(/^[^\0\r\n]{1,8}$/u, 'must be one to eight characters, no line breaks among them')
      .optional()
      .describe(
        'Detected among , ; tab | when not set; an error where several fit. One of several bytes, such as `||` or `¦`, is read more slowly.',
      ),
    quote: char()
      .regex(/[^ ]/, 'must not be a space')
      .or(z.literal(''))
      .default('"')
      .describe('Encloses fields; empty: no quoting.'),
    escape: char()
      .optional()
      .describe(
        'Precedes a quote or itself inside quotes, elsewhere it is text; when not set, the quote itself.',
      ),
    encoding: encodingOption(),
    header: z
      .boolean()
      .default(true)
      .describe(
        'The first line names the columns; one without a name, or with that of another, gets a name and a warning.',
      ),
    columns: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('The names with header: false; when not set, column_1, column_2 and so on.'),
    null_values: z.array(z.string()).default(['']).describe('Texts that mean null, quoted or not.'),
    ...formOptions,
    comment: char()
      .optional()
      .describe(
        'Starts lines that are no records, such as `#`; also before the header. In quotes and inside a line it is text.',
      ),
    skip_rows: z.int().min(0).max(1000).default(0).describe('Lines to skip before the header.'),
    skip_footer: z
      .int()
      .min(0)
      .max(1000)
      .default(0)
      .describe('Lines to skip at the end of each file; empty ones after them are not counted.'),
    null_padding: z
      .boolean()
      .default(false)
      .describe('Fields that are missing at the end of a record are empty; otherwise it is rejected.'),
    truncate_ragged_lines: z
      .boolean()
      .default(false)
      .describe('Surplus fields at the end of a record are passed over; otherwise it is rejected.'),
    schema_contract: z
      .enum(['freeze', 'evolve'])
      .default('freeze')
      .describe(
        'When files differ in their columns, which are matched by name. `freeze`: an error; `evolve`: the source has the columns of all files, and those that a file lacks are null.',
      ),
    trim: z.boolean().default(false).describe('Removes blanks around every value.'),
    incremental: incrementalFiles,
  })
  .refine((value) => !value.header || value.columns === undefined, {
    path: ['columns'],
    message: 'needs header: false',
  })
  .refine(({ delimiter = '', quote, escape = '' }) => !holds(delimiter, quote) && !holds(delimiter, escape), {
    path: ['delimiter'],
    message: 'must differ from quote and escape',
  })
  .refine(
    ({ comment = '', delimiter = '', quote }) =>
      !holds(delimiter, comment) && (comment === '' || comment !== quote),
    {
      path: ['comment'],
      message: 'must differ from delimiter and quote',
    },
  )
  .superRefine((options, context) => {
    const [name, message] = explainForms(options) ?? [];
    if (name !== undefined) context.addIssue({ code: 'custom', path: [name], message });
  });

export type CsvOptions = z.infer<typeof csvOptions>;

function holds(text: string, char: string): boolean {
  return char !== '' && text.includes(char);
}
