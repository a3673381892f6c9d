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

/**
 * @param searchable whether runs may set search attributes: the server knows those of pipeline/search-attributes.ts.
 *   The workflow cannot ask, so steps at its start and end say it.
 */
export function createActivities(
  deps: Deps,
  owner: Ownership,
  searchable: Promise<boolean> = Promise.resolve(false),
) {
  const saying =
    <I, O extends object>(step: (input: I) => Promise<O>) =>
    async (input: I): Promise<O & { searchable?: boolean }> => ({
      ...(await step(input)),
      searchable: await searchable,
    });
  return {
    identify: createIdentify(deps, owner),
    prepare: saying(createStep(deps, owner, 'prepare', prepareRun)),
    land: createStep(deps, owner, 'land', landPartition),
    extract: createStep(deps, owner, 'extract', extractPartition),
    validate: createStep(deps, owner, 'validate', validateRun),
    transform: createStep(deps, owner, 'transform', transformPart),
    load: createStep(deps, owner, 'load', loadPart),
    publish: createStep(deps, owner, 'publish', publishTarget),
    finish: saying(createStep(deps, owner, 'finish', finishRun)),
    abort: saying(createStep(deps, owner, 'abort', abortRun)),
  };
}

export type Activities = ReturnType<typeof createActivities>;
