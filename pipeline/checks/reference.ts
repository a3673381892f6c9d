/** Options of checks that read other data than the input. */
import { z } from 'zod';
import { source } from '../../plugin/options';
import { typeName } from '../config/sections';

export const referenceOptions = {
  source: source().describe(
    'Where the data is, described as the source of a pipeline: {type: csv, path: …}.',
  ),
  types: z
    .record(z.string().min(1), typeName)
    .optional()
    .describe('Types of its columns by name; default: inferred from the values.'),
};
