/** Run reports for tests: as a workflow would have built them, and as files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportFile, RunReport } from '../../pipeline/report';
import type { Staging } from './engine';

export function exampleReport(changes: Partial<ReportFile> = {}): ReportFile {
  return {
    pipeline: 'p',
    run_key: 'k',
    workflow_id: 'flexetl/test/p',
    status: 'succeeded',
    config_digest: 'sha256:0123456789abcdef',
    started_at: '2026-11-23T21:41:52.000Z',
    duration_ms: 1500,
    rows: {
      read: 10,
      rejected: 0,
      quarantined: 0,
      dropped: 1,
      filtered: 2,
      deduplicated: 0,
      aggregated: 0,
      output: 7,
    },
    balanced: true,
    transforms: [],
    checks: [{ name: 'type', severity: 'reject', status: 'passed', failing_rows: 0 }],
    targets: [{ type: 'sqlite', name: 'out.db#t', mode: 'append', rows_loaded: 7, status: 'published' }],
    steps: {
      prepare: { duration_ms: 900, attempts: 1 },
      extract: { duration_ms: 500, attempts: 2 },
      validate: { duration_ms: 100, attempts: 1 },
    },
    dead_letter: { path: null, records: 0 },
    source: {
      files: [{ path: 'in/0.csv', bytes: 100, fingerprint: 'sha256:1' }],
      columns: [{ name: 'a', type: 'integer' }],
    },
    warnings: [],
    error: null,
    ...changes,
  };
}

/** Of a run that has staged this; it failed if a record was rejected. */
export function reportOf({ results }: Staging, changes: Partial<ReportFile> = {}): ReportFile {
  const rejected = results.reduce((sum, result) => sum + result.rejected, 0);
  const read = results.reduce((sum, { rows }) => sum + rows, rejected);
  const { rows } = exampleReport();
  return exampleReport({
    status: rejected > 0 ? 'failed' : 'succeeded',
    rows: { ...rows, read, rejected, dropped: 0, filtered: 0, output: read - rejected },
    ...(rejected > 0 && {
      error: { code: 'RECORDS_REJECTED', message: `${rejected} records do not fit.`, step: 'validate' },
    }),
    ...changes,
  });
}

/** What the file of a report has of the run itself, without what only the file has. */
export function readRunReport(dir: string, pipeline: string, runKey: string): RunReport {
  const file = join(dir, 'output', 'reports', pipeline, `${runKey}.json`);
  const {
    verdicts: _,
    profile: _profile,
    profile_missing: _missing,
    ...report
  } = JSON.parse(readFileSync(file, 'utf8')) as ReportFile;
  return report;
}
