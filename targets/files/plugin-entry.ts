/** What a module with a target of its own for a file format imports, as `flexetl/plugin/files`. */
export type { EncodedFile, FileEncoder, FilePart } from './encoder';
export { selectColumns } from './columns';
export { fileOptions } from './options';
export type { FileOptions } from './options';
export { fileTarget } from './target';
