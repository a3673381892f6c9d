/** What a replay loads. */
import { digestOf } from '../../pipeline/config/parse';
import { findPlugin, type PipelineConfig } from '../../pipeline/config/schema';
import type { LettersUse } from '../../pipeline/dead-letter';
import { isRowWise, type PlannedStep } from '../../pipeline/transforms/plan';
import type { Deps } from '../deps';
import { pluginsOf } from '../resolve-config';

/**
 * `rows`: only the corrected records, as each row of the output is made of one of them. `whole`: the good rows of the run
 * together with the corrected records, because rows of the output are made of many, or a target is replaced.
 */
export type ReplayMode = LettersUse['mode'];

/** @returns `refused`, why no replay of this pipeline can be right */
export function replayMode(
  deps: Deps,
  config: PipelineConfig,
  steps: readonly PlannedStep[],
): ReplayMode | { refused: string } {
  const modes = modesOf(deps, config);
  const appends = modes.includes('append');
  if (modes.includes('replace'))
    return appends
      ? {
          refused:
            'one target has mode replace and needs all rows, another one has mode append and would get them twice',
        }
      : 'whole';
  if (isRowWise(steps)) return 'rows';
  return appends
    ? {
        refused:
          'a step needs all rows at once, and mode append would load its result twice, expected mode merge or replace',
      }
    : 'whole';
}

/** The modes of the targets. */
export function modesOf(deps: Deps, config: PipelineConfig): string[] {
  const { targets } = pluginsOf(deps, config);
  return config.targets.map(({ type, options }) => findPlugin(targets, type).mode(options));
}

/** Of the transforms: partial groups are made for them. */
export function digestTransforms({ transformations }: PipelineConfig): string {
  return digestOf({ transformations });
}
