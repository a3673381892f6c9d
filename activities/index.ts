/** All activities of a worker, made over its dependencies. Workflows import only the type. */
import { createAbort } from './abort';
import type { Deps } from '../engine/deps';
import { createExtract } from './extract';
import { createFinish } from './finish';
import { createLoad } from './load';
import { createPrepare } from './prepare';
import { createPublish } from './publish';
import { createTransform } from './transform';
import { createValidate } from './validate';

export function createActivities(deps: Deps) {
  return {
    prepare: createPrepare(deps),
    extract: createExtract(deps),
    validate: createValidate(deps),
    transform: createTransform(deps),
    load: createLoad(deps),
    publish: createPublish(deps),
    finish: createFinish(deps),
    abort: createAbort(deps),
  };
}

export type Activities = ReturnType<typeof createActivities>;
