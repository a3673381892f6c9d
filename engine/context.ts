/** The world as plugins see it, made of what a step has. */
import type { PluginContext, SharedFiles } from '../plugin/context';
import { createSecrets } from '../runtime/secrets';
import type { Deps } from './deps';

/** What a step has of its own. */
export interface StepContext {
  scratchDir: string;
  shared: SharedFiles;
  signal: AbortSignal;
  /** 0 to 1. */
  progress(share: number): void;
}

/** Secrets are looked up when they are asked for: nothing keeps one. */
export function createContext({ settings, log }: Deps, step: StepContext): PluginContext {
  return {
    ...step,
    projectDir: settings.projectDir,
    log: {
      debug: (message) => log.debug(message),
      info: (message) => log.info(message),
      warn: (message) => log.warn(message),
    },
    secret: createSecrets(settings.env),
  };
}
