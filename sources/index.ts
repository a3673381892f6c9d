/** The list of sources; a new one is one more line here. */
import { api } from './api';
import { csv } from './csv';
import { json } from './json';

export const sources = [csv, json, api] as const;
