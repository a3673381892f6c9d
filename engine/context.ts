/** What one step of a run works with. */
import { join } from 'node:path';
import type { PluginContext, PluginLog } from '../plugin/context';
import type { Logger } from '../runtime/log';
import { createSecrets } from '../runtime/secrets';
import type { RunRef, RunStaging } from '../runtime/staging/store';
import { createTurns } from '../runtime/turns';
import type { Deps } from './deps';

export interface StepContext extends PluginContext {
  staging: RunStaging;
}

export interface StepWorld {
  /** Aborts on cancellation and shutdown. */
  signal: AbortSignal;
  /** Progress of the step, 0 to 1. */
  progress(share: number): void;
}

/** Opens the staging of a run and a scratch folder for the time of `work`. */
export async function withContext<T>(
  deps: Deps,
  run: RunRef,
  { signal, progress }: StepWorld,
  work: (context: StepContext) => Promise<T>,
): Promise<T> {
  const staging = await deps.staging.openRun(run);
  return staging.withScratch((scratchDir) =>
    work({
      projectDir: deps.settings.projectDir,
      scratchDir,
      shared: staging.shared,
      staging,
      signal,
      progress,
      log: pluginLog(deps.log),
      secret: createSecrets(deps.settings.env),
      turn: createTurns(join(deps.settings.stagingDir, '.turns'), signal),
    }),
  );
}

/** Plugins can write lines, but do not get the whole logger. */
function pluginLog(log: Logger): PluginLog {
  return {
    debug: (message) => log.debug(message),
    info: (message) => log.info(message),
    warn: (message) => log.warn(message),
  };
}
