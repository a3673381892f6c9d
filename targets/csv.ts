/** CSV files in a folder, or one file. */
import { z } from 'zod';
import { defineTarget } from '../plugin/target';
import { csvEncoder, isCompressed, SINGLE_FILE } from './csv/encoder';
import { evolvingOptions, refuseForFile } from './files/options';
import { fileTarget } from './files/target';

const sign = () =>
  z
    .string()
    .regex(
      /^[^\p{L}\p{N}\p{Cs}\r\n.+:-]$/u,
      'must be one character that is not a letter or digit, nor a line break, nor one of . + : -',
    );

const options = z
  .strictObject({
    ...evolvingOptions,
    delimiter: sign().default(',').describe('Stands between two fields.'),
    quote: sign().default('"').describe('Encloses fields; doubled inside them.'),
    quoting: z
      .enum(['minimal', 'all'])
      .default('minimal')
      .describe('minimal: only fields that need it. all: every field but nulls.'),
    header: z.boolean().default(true).describe('The first line of a file names the columns.'),
    null_text: z
      .string()
      .max(100)
      .regex(/^[^\r\n]*$/, 'must not have a line break')
      .default('')
      .describe('Written for null, never quoted; a text that is the same is quoted.'),
    line_ending: z.enum(['lf', 'crlf']).default('lf').describe('Ends each record.'),
    compression: z
      .enum(['none', 'gzip'])
      .optional()
      .describe('When not set: gzip where `path` names a file that ends with .gz, else none.'),
    bom: z
      .boolean()
      .default(false)
      .describe('Starts each file with a byte order mark, so that Excel reads it as UTF-8.'),
    escape_formulas: z
      .boolean()
      .default(false)
      .describe(
        "Puts a ' before texts that a spreadsheet would run as a formula: those that start with = + - @, a tab or a line break, and are not plain numbers. It changes these values.",
      ),
  })
  .superRefine((given, context) => {
    const { delimiter, quote, null_text, header, bom, path, compression } = given;
    const refuse = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message });
    if (delimiter === quote) refuse('quote', 'must not be the delimiter.');
    if (null_text.includes(delimiter) || null_text.includes(quote))
      refuse('null_text', 'must not have the delimiter or the quote in it.');
    if (bom && !header) refuse('bom', 'needs header: true.');
    if (!SINGLE_FILE.test(path)) return;
    refuseForFile(given, {}, context);
    if (compression !== undefined && (compression === 'gzip') !== isCompressed({ path }))
      refuse(
        'compression',
        `found ${compression}, which the name of the file contradicts: .gz stands for gzip.`,
      );
  });

export const csv = defineTarget<z.infer<typeof options>>({
  type: 'csv',
  description: 'Delimited text files in a folder, or one file; UTF-8, plain or gzipped.',
  options,
  ...fileTarget(csvEncoder),
});
