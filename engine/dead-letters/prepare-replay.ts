/** A pipeline as a replay of it runs: its source are the corrected letters of a queue. */
import type { PipelineConfig } from '../../pipeline/config/schema';
import type { ReplayRef } from '../../pipeline/dead-letter';
import { FlexetlError } from '../../pipeline/errors';
import { declareColumns, stagedSchema } from '../../pipeline/schema';
import { planTransforms } from '../../pipeline/transforms/plan';
import type { Queue } from '../../runtime/dead-letters/queue';
import { readReplay } from '../../runtime/dead-letters/replays';
import type { Deps } from '../deps';
import type { RunPlan } from '../plan';
import { pluginsOf } from '../resolve-config';
import { findQueue } from './letters-source';
import { digestTransforms, modesOf, replayMode, type ReplayMode } from './mode';

/**
 * A replay that has failed before it could publish is taken back, and its letters are open again: what it has staged must
 * not be loaded then.
 * @throws FlexetlError REPLAY_REFUSED for a replay that was taken back
 */
export async function assertStarted(
  { settings }: Deps,
  { queue: path, number }: ReplayRef,
  runKey: string,
): Promise<void> {
  const queue = await findQueue({ queue: path }, settings.projectDir);
  if ((await readReplay(queue.dir, number))?.run_key === runKey) return;
  throw refused(
    queue,
    `replay ${number} was taken back`,
    `Start another one: flexetl dlq replay ${queue.head.pipeline}`,
  );
}

/** @throws FlexetlError REPLAY_REFUSED where its result would be wrong */
export async function asReplay(
  deps: Deps,
  config: PipelineConfig,
  { queue: path, number, overNewer = false }: ReplayRef,
): Promise<PipelineConfig> {
  const queue = await findQueue({ queue: path }, deps.settings.projectDir);
  const mode = modeOf(deps, config, queue);
  const modes = modesOf(deps, config);
  const mayLoad = modes.every((one) => one === 'append') || (overNewer && !modes.includes('replace'));
  if (queue.newer && !mayLoad)
    throw refused(
      queue,
      `the newer run ${queue.newer.run_key} has loaded the pipeline at ${queue.newer.published_at}, and its rows would be replaced by older ones`,
      modes.includes('replace')
        ? 'Correct the source and run the pipeline again, and discard the queue: flexetl dlq discard.'
        : 'To merge them all the same: --over-newer. Or discard the queue: flexetl dlq discard.',
    );
  if (mode === 'whole' && !queue.head.kept)
    throw refused(
      queue,
      'it needs the good rows of the run, and they were not kept: the targets or transforms were others then',
      'Run the pipeline again on its corrected source, and discard the queue.',
    );
  return { ...config, source: { ...config.source, letters: { queue: path, number, mode } } };
}

/**
 * @param plan of the replay
 * @throws FlexetlError REPLAY_REFUSED where the rows that were kept are not those that the pipeline needs now
 */
export async function assertFits(deps: Deps, { config, columns, evidence }: RunPlan): Promise<void> {
  const { letters } = config.source;
  if (letters?.mode !== 'whole') return;
  const queue = await findQueue(letters, deps.settings.projectDir);
  const { kept } = queue.head;
  const names = stagedSchema(columns, new Map(evidence)).map(({ name }) => name);
  const isSame =
    names.length === kept?.columns.length && names.every((name, at) => name === kept.columns[at]);
  const fits = kept?.transforms === undefined || kept.transforms === digestTransforms(config);
  if (isSame && fits) return;
  throw refused(
    queue,
    'the pipeline file has changed, and the rows that were kept of the run are not those that it needs now',
    'Run the pipeline again on its corrected source, and discard the queue; or take the change back.',
  );
}

function modeOf(deps: Deps, config: PipelineConfig, queue: Queue): ReplayMode {
  const { columns, evidence } = queue.head;
  const declared = declareColumns(columns, config.validation.schema);
  const schema = stagedSchema(declared, new Map(evidence));
  const steps = planTransforms(config.transformations, schema, pluginsOf(deps, config).transforms);
  const mode = replayMode(deps, config, steps);
  if (typeof mode === 'string') return mode;
  throw refused(queue, mode.refused, 'Correct the source and run the pipeline again, or change the mode.');
}

function refused({ head }: Queue, why: string, hint: string): FlexetlError {
  return new FlexetlError('REPLAY_REFUSED', {
    message: `The dead letters of run ${head.run_key} of ${head.pipeline} are not replayed: ${why}.`,
    hint,
  });
}
