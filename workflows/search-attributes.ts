/** Sets the search attributes of a run. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import { loadedRows, type RunReport } from '../pipeline/report';
import type { SEARCH_ATTRIBUTES } from '../pipeline/search-attributes';
import type { RunState } from './run-state';

const { KEYWORD, INT } = SearchAttributeType;
const key = {
  pipeline: defineSearchAttributeKey('FlexetlPipeline' satisfies Name, KEYWORD),
  status: defineSearchAttributeKey('FlexetlStatus' satisfies Name, KEYWORD),
  rows: defineSearchAttributeKey('FlexetlRows' satisfies Name, INT),
  error: defineSearchAttributeKey('FlexetlError' satisfies Name, KEYWORD),
};
type Name = keyof typeof SEARCH_ATTRIBUTES;

/** Only where the server knows the attributes: it refuses others. */
export function showStarted({ pipeline }: RunState): void {
  upsertSearchAttributes([
    { key: key.pipeline, value: pipeline },
    { key: key.status, value: 'running' },
  ]);
}

/** As {@link showStarted}. */
export function showEnded(report: RunReport): void {
  upsertSearchAttributes([
    { key: key.pipeline, value: report.pipeline },
    { key: key.status, value: report.status },
    { key: key.rows, value: loadedRows(report) },
    { key: key.error, value: report.error?.code ?? null },
  ]);
}
