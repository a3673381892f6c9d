/** The plugins of this build of FlexETL. */
import type { Plugins } from '../pipeline/config/schema';
import { transforms } from '../pipeline/transforms';
import { checks } from '../pipeline/checks';
import { sources } from '../sources';
import { targets } from '../targets';

export const PLUGINS: Plugins = { sources, targets, transforms, checks };
