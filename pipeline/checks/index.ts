import type { Check } from '../../plugin/check';
import { aggregate } from './aggregate';
import { foreignKey } from './foreign_key';
import { freshness } from './freshness';
import { noDuplicates } from './no_duplicates';
import { expressionCheck } from './expression';
import { nullCheck } from './null_check';
import { range } from './range';
import { reconcile } from './reconcile';
import { rowCount } from './row_count';
import { volume } from './volume';

/** All checks of `validation.quality_checks`, by their `type` in the pipeline file. */
export const checks = [
  expressionCheck,
  nullCheck,
  noDuplicates,
  range,
  rowCount,
  freshness,
  foreignKey,
  aggregate,
  reconcile,
  volume,
] as readonly unknown[] as readonly Check<unknown>[];
