/** The places of values that made the type of a column string: shown when an expression needs a number there. */
import type { Place } from '../../pipeline/errors';
import {
  evidenceOfText,
  mergeEvidence,
  NO_EVIDENCE,
  typeOfEvidence,
  type Evidence,
  type TypeEvidence,
} from '../../pipeline/schema';
import { rulesOf } from '../../pipeline/types';
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
    return declared === undefined && after && typeOfEvidence(after).kind === 'string';
  });
  if (wanted.length === 0) return [];
  for await (const record of source.records(survey, partition, ordinals)) {
    for (const { name } of wanted) {
      const text = record.values?.[survey.columns.indexOf(name)];
      if (text == null || found.has(name)) continue;
      const shown = evidenceOfText(text, rulesOf(rules, name));
      const merged = mergeEvidence(evidence.get(name) ?? NO_EVIDENCE, shown);
      if (typeOfEvidence(merged).kind !== 'string') continue;
      found.set(name, {
        file: record.file ?? survey.files[partition.file]?.path ?? '',
        line: record.line,
        record: record.record,
        column: name,
        value: showValue(name, text),
        reason: REASONS[shown.kind] ?? 'not a number, date or boolean',
      });
    }
    if (found.size === wanted.length) break;
  }
  return [...found.values()];
}

/** Why a text that has a type of its own made a column a string. */
const REASONS: Readonly<Partial<Record<TypeEvidence['kind'], string>>> = {
  integer: 'a number in a column of other values',
  decimal: 'a number in a column of other values',
  float: 'a number with an exponent in a column of other values',
  date: 'a date in a column of other values',
  timestamp: 'a time without an offset from UTC in a column of other values',
  instant: 'a time with an offset from UTC in a column of other values',
  boolean: 'a boolean in a column of other values',
};
