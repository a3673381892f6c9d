/** The list of sources; a new one is one more line here. */
import { api } from './api';
import { csv } from './csv';

export const sources = [csv, api] as const;
