/** The explicit lists of what this build of FlexETL can do. */
import type { Plugins } from '../pipeline/config/schema';
import { transforms } from '../pipeline/transforms';
import { sources } from '../sources';
import { targets } from '../targets';

export const PLUGINS: Plugins = { sources, targets, transforms, checks: [] };
