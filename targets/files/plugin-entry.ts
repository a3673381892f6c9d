/** What a module with a target of its own for a file format imports, as `flexetl/plugin/files`. */
export type { FileEncoder } from './encoder';
export { fileOptions, fileTarget } from './target';
export type { FileOptions } from './target';
