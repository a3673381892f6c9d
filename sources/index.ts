/** The list of sources; a new one is one more line here. */
import { csv } from './csv';

export const sources = [csv] as const;
