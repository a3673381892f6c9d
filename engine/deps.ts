/** What the work needs of the world; made once per worker and handed in. */
import type { Plugins } from '../pipeline/config/schema';
import type { Logger } from '../runtime/log';
import type { Settings } from '../runtime/settings';
import { createLocalStore } from '../runtime/staging/local';
import type { StagingStore } from '../runtime/staging/store';

export interface Deps {
  settings: Settings;
  /** Those of this build; `pluginsOf` adds the modules of a pipeline. */
  plugins: Plugins;
  log: Logger;
  staging: StagingStore;
}

/** The staging store is the folder that the settings name. */
export function createDeps(settings: Settings, plugins: Plugins, log: Logger): Deps {
  return { settings, plugins, log, staging: createLocalStore(settings.stagingDir) };
}
