/** The dependencies of the engine; made once per worker or command. */
import type { Plugins } from '../pipeline/config/schema';
import type { Logger } from '../runtime/log';
import type { Settings } from '../runtime/settings';
import { createLocalStore } from '../runtime/staging/local';
import type { StagingStore } from '../runtime/staging/store';

export interface Deps {
  settings: Settings;
  /** Those of FlexETL; `pluginsOf` adds those of the modules of a pipeline. */
  plugins: Plugins;
  log: Logger;
  staging: StagingStore;
}

/** The staging store is the folder that the settings name. */
export function createDeps(settings: Settings, plugins: Plugins, log: Logger): Deps {
  return { settings, plugins, log, staging: createLocalStore(settings.stagingDir) };
}
