/** All activities of a worker, made over its dependencies. Workflows import only the type. */
import type { Deps } from '../engine/deps';
import { extractPartition } from '../engine/extract/extract';
import { abortRun, finishRun } from '../engine/finish';
import { landPartition } from '../engine/land';
import { loadPart, publishTarget } from '../engine/load';
import { prepareRun } from '../engine/prepare';
import { transformPart } from '../engine/transform';
import { validateRun } from '../engine/validate';
import type { Ownership } from '../runtime/project';
import { createIdentify } from './identify';
import { createStep } from './step';

export function createActivities(deps: Deps, owner: Ownership) {
  return {
    identify: createIdentify(deps, owner),
    prepare: createStep(deps, owner, 'prepare', prepareRun),
    land: createStep(deps, owner, 'land', landPartition),
    extract: createStep(deps, owner, 'extract', extractPartition),
    validate: createStep(deps, owner, 'validate', validateRun),
    transform: createStep(deps, owner, 'transform', transformPart),
    load: createStep(deps, owner, 'load', loadPart),
    publish: createStep(deps, owner, 'publish', publishTarget),
    finish: createStep(deps, owner, 'finish', finishRun),
    abort: createStep(deps, owner, 'abort', abortRun),
  };
}

export type Activities = ReturnType<typeof createActivities>;
