/** The options of the JSON source. */
import { z } from 'zod';
import { path } from '../../plugin/options';
import { encodingOption } from '../files/encoding';
import { explainPath, plainSegments } from './path';

export const jsonOptions = z
  .strictObject({
    path: path().describe(
      'A file, a glob or a folder (its *.json, *.jsonl, *.ndjson and the same with .gz, .zst or .zip that are not hidden), relative to the project.',
    ),
    format: z
      .enum(['array', 'ndjson'])
      .optional()
      .describe(
        'array: one document, an array of records; ndjson: one record per line. Detected when not set.',
      ),
    record_path: z
      .string()
      .superRefine((text, context) => {
        const problem = explainPath(text);
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
      })
      .optional()
      .describe(
        'Where the records are in a document: a JSONPath (RFC 9535) to the records or to arrays of them, as in $.data.items.',
      ),
    flatten: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Values of nested objects become columns, whose names are the keys joined with this text. When not set, nested objects are JSON text; arrays always are.',
      ),
    columns: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        'The keys that become columns, in this order; others are passed over. When not set, all keys that the first 64 MiB have; another key after these is an error.',
      ),
    encoding: encodingOption(),
    null_values: z.array(z.string()).default(['']).describe('Texts that mean null, as null itself does.'),
  })
  .refine(({ format, record_path }) => format !== 'ndjson' || record_path === undefined, {
    path: ['record_path'],
    message: 'is for a document, not for format: ndjson',
  });

export type JsonOptions = z.infer<typeof jsonOptions>;

/** True if the whole document must be looked at to find its records. */
export function isQuery({ record_path }: JsonOptions): boolean {
  return record_path !== undefined && plainSegments(record_path) === undefined;
}
