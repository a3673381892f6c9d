/** The places of values that made the type of a column string: shown when an expression needs a number there. */
import type { Place } from '../../pipeline/errors';
import {
  evidenceOfText,
  mergeEvidence,
  NO_EVIDENCE,
  typeOfEvidence,
  type Evidence,
} from '../../pipeline/schema';
import { showValue } from '../../pipeline/show-value';
import type { ExtractColumns } from './columns';
import type { Reader } from './work';

/**
 * @param ordinals of the rows that failed their types, ascending
 * @returns for each column the first value that makes its type string
 */
export async function findTextPlaces(
  { source, survey, partition }: Reader,
  { inferred, evidence, rules }: ExtractColumns,
  wider: Evidence,
  ordinals: readonly number[],
): Promise<Place[]> {
  const found = new Map<string, Place>();
  const wanted = inferred.filter(({ name, declared }) => {
    const after = wider.get(name);
    const known = (evidence.get(name) ?? NO_EVIDENCE).kind !== 'none';
    return declared === undefined && known && after && typeOfEvidence(after).kind === 'string';
  });
  if (wanted.length === 0) return [];
  for await (const record of source.records(survey, partition, ordinals)) {
    for (const { name } of wanted) {
      const text = record.values?.[survey.columns.indexOf(name)];
      if (text == null || found.has(name)) continue;
      const merged = mergeEvidence(evidence.get(name) ?? NO_EVIDENCE, evidenceOfText(text, rules));
      if (typeOfEvidence(merged).kind !== 'string') continue;
      found.set(name, {
        file: record.file ?? survey.files[partition.file]?.path ?? '',
        line: record.line,
        record: record.record,
        column: name,
        value: showValue(name, text),
        reason: 'not a number, date or boolean',
      });
    }
    if (found.size === wanted.length) break;
  }
  return [...found.values()];
}
