/** What activities need of the world; made once per worker and handed in. */
import type { Plugins } from '../pipeline/config/schema';
import type { Logger } from '../runtime/log';
import type { Settings } from '../runtime/settings';

export interface Deps {
  settings: Settings;
  plugins: Plugins;
  log: Logger;
}
