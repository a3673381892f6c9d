/** What a module with a user's own plugins imports, as `flexetl/plugin`. */
export { defineCheck } from './check';
export type {
  Check,
  CheckTables,
  CheckVerdict,
  DatasetCheck,
  GlobalCheck,
  Kept,
  Reference,
  RowCheck,
  VerdictContext,
} from './check';
export type { PluginContext, PluginLog, SharedFiles } from './context';
export { aggregation, expression, path, secret, source } from './options';
export type { SecretName } from './options';
export { defineSource } from './source';
export type {
  FileSource,
  Landed,
  OpenSource,
  Page,
  Partition,
  Partitions,
  PartitionSize,
  Position,
  RecordSource,
  RepairedRelation,
  SourceFile,
  SourceRecord,
  SourceSurvey,
  TextRelation,
} from './source';
export { incrementalByCursor } from './incremental';
export type { Bounds, CursorOptions } from './incremental';
export { defineTarget } from './target';
export type {
  Batch,
  LoadKey,
  OpenTarget,
  Part,
  Published,
  SavedState,
  StateKey,
  StateToSave,
  Target,
  TargetCapabilities,
  Value,
} from './target';
export { defineTransform } from './transform';
export type { PartialPlan, RowFate, Transform, TransformPlan } from './transform';
export { FlexetlError } from '../pipeline/errors';
export type { Column, ColumnType, Schema } from '../pipeline/types';
/** Options are zod schemas; a module need not install zod. */
export { z } from 'zod';
