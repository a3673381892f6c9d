/** JSON files: one record per line, or documents. */
import { defineSource } from '../plugin/source';
import { assertSameFiles } from './files/fingerprint';
import { planPartitions } from './files/partitions';
import { jsonOptions, type JsonOptions } from './json/options';
import { landPartition } from './json/partitions';
import { readJsonRecords } from './json/records';
import { jsonRelation, repairPartition } from './json/relation';
import { textsOf } from './json/plain-file';
import { surveyJson } from './json/survey';

/**
 * Under failure: reading changes nothing, so every step can be done again. Copies of packed files are made once per run;
 * a second copy is equal to the first. A file that changes during a run is an error, not a mix.
 */
export const json = defineSource<JsonOptions>({
  kind: 'files',
  type: 'json',
  description:
    'JSON files: one record per line, an array of records, or records anywhere in a document; one file, many by a glob or a folder, plain or packed, in any encoding.',
  options: jsonOptions,
  open: (options, context) => ({
    rules: { decimal_separator: '.' },
    survey: () => surveyJson(options, context),
    partitions: (survey, size) => Promise.resolve(planPartitions(textsOf(options, survey), size)),
    land: (survey, index, from) => landPartition(options, context, survey, index, from),
    relation: (survey, partition) => jsonRelation(options, context, survey, partition),
    repair: (survey, partition) => repairPartition(options, context, survey, partition),
    records: (survey, partition, ordinals) => readJsonRecords(options, context, survey, partition, ordinals),
    assertUnchanged: (survey, partition) => assertSameFiles(context.projectDir, survey, partition),
    // Where walks are at the cuts is small, and needed if a partition is read again.
    release: () => Promise.resolve(),
  }),
});
