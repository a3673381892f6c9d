import type { Transform } from '../../plugin/transform';
import { aggregate } from './aggregate';
import { cast } from './cast';
import { deduplicate } from './deduplicate';
import { derive } from './derive';
import { dropNulls } from './drop_nulls';
import { filter } from './filter';
import { rename } from './rename';
import { select } from './select';
import { sort } from './sort';

/** All transforms, by their `type` in the pipeline file. */
export const transforms: readonly Transform<unknown>[] = [
  dropNulls,
  filter,
  aggregate,
  select,
  rename,
  cast,
  derive,
  deduplicate,
  sort,
];
