/** Parquet files in a folder, or one file. */
import { z } from 'zod';
import { defineTarget } from '../plugin/target';
import { evolvingOptions, refuseForFile } from './files/options';
import { fileTarget } from './files/target';
import { parquetEncoder, SINGLE_FILE } from './parquet/encoder';

const options = z
  .strictObject({
    ...evolvingOptions,
    partition_by: z
      .array(z.string().min(1))
      .min(1)
      .refine((names) => new Set(names).size === names.length, 'must not name a column twice')
      .optional()
      .describe(
        'Columns whose values become folders, as in `country=DE/`; they are not in the files. Hive readers know them.',
      ),
    compression: z
      .enum(['zstd', 'snappy', 'gzip', 'none'])
      .default('zstd')
      .describe('Of the pages in the files.'),
    max_rows_per_file: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe(
        'A file with more rows is divided. When not set, each part of the output is a file, of at most 10,000,000 rows.',
      ),
  })
  .superRefine((given, context) => {
    const { partition_by, max_rows_per_file } = given;
    if (SINGLE_FILE.test(given.path)) refuseForFile(given, { partition_by, max_rows_per_file }, context);
  });

export const parquet = defineTarget<z.infer<typeof options>>({
  type: 'parquet',
  description: 'Parquet files in a folder, also divided by values into folders; or one file.',
  options,
  ...fileTarget(parquetEncoder),
});
