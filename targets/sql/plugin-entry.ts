/** What a module with a target of its own for an SQL database imports, as `flexetl/plugin/sql`. */
export { ident, literal, sqlType } from '../../pipeline/sql';
export { selectPart } from '../../runtime/batches/part';
export type { SessionUse, SqlDialect, SqlSession, TableColumn } from './dialect';
export { stagePart } from './order';
export { requireKey, tableOptions } from './options';
export type { TableOptions } from './options';
export { sqlTarget } from './target';
