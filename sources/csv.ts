/** Delimited text files. */
import { defineSource } from '../plugin/source';
import { textRules } from './csv/form-options';
import { csvOptions, type CsvOptions } from './csv/options';
import { landPartition, releasePartition, textsOf } from './csv/partitions';
import { readCsvRecords } from './csv/records';
import { csvRelation, repairPartition } from './csv/relation';
import { surveyCsv } from './csv/survey';
import { assertSameFiles } from './files/fingerprint';
import { planPartitions } from './files/partitions';
import { selectFiles } from './files/incremental';

/**
 * Under failure: reading changes nothing, so every step can be done again. Copies of compressed files are made
 * once per run; a second copy is equal to the first. A file that changes during a run is an error, not a mix.
 */
export const csv = defineSource<CsvOptions>({
  kind: 'files',
  type: 'csv',
  description: 'Delimited text files: one, many by a glob or a folder, plain or packed, in any encoding.',
  options: csvOptions,
  incremental: selectFiles,
  open: (options, context) => ({
    rules: textRules(options),
    survey: (state) => surveyCsv(options, context, state),
    partitions: (survey, size) => Promise.resolve(planPartitions(textsOf(survey), size)),
    land: (survey, index, from) => landPartition(options, context, survey, index, from),
    relation: (survey, partition) => csvRelation(options, context, survey, partition),
    repair: (survey, partition) => repairPartition(options, context, survey, partition),
    records: (survey, partition, ordinals) => readCsvRecords(options, context, survey, partition, ordinals),
    assertUnchanged: (survey, partition) => assertSameFiles(context.projectDir, survey, partition),
    release: (survey, partition) => releasePartition(context, survey, partition),
  }),
});
