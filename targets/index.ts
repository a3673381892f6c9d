/** The targets there are; a new one is one more line here. */
import { sqlite } from './sqlite';

export const targets = [sqlite] as const;
