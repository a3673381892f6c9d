/** All activities of a worker, made over its dependencies. Workflows import only the type. */
import type { Deps } from '../engine/deps';
import { extractPartition } from '../engine/extract/extract';
import { abortRun, finishRun } from '../engine/finish';
import { landPartition } from '../engine/land';
import { loadPart, publishTarget } from '../engine/load';
import { prepareRun } from '../engine/prepare';
import { transformPart } from '../engine/transform';
import { validateRun } from '../engine/validate';
import { createStep } from './step';

export function createActivities(deps: Deps) {
  return {
    prepare: createStep(deps, 'prepare', prepareRun),
    land: createStep(deps, 'land', landPartition),
    extract: createStep(deps, 'extract', extractPartition),
    validate: createStep(deps, 'validate', validateRun),
    transform: createStep(deps, 'transform', transformPart),
    load: createStep(deps, 'load', loadPart),
    publish: createStep(deps, 'publish', publishTarget),
    finish: createStep(deps, 'finish', finishRun),
    abort: createStep(deps, 'abort', abortRun),
  };
}

export type Activities = ReturnType<typeof createActivities>;
