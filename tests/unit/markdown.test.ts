import { bytes, count, progressMarkdown, reportLine, reportMarkdown, seconds } from '../../pipeline/markdown';
import type { RunReport } from '../../pipeline/report';
import { bookRows } from '../../pipeline/row-balance';

const REPORT: RunReport = {
  pipeline: 'sales',
  run_key: 'k1',
  workflow_id: 'flexetl/sales',
  status: 'succeeded',
  config_digest: 'sha256:0',
  started_at: '2026-01-01T00:00:00.000Z',
  duration_ms: 12_345,
  rows: { ...bookRows(12_000, 0, [], 10_500), dropped: 1500 },
  balanced: true,
  transforms: [],
  checks: [],
  targets: [{ type: 'sqlite', name: 'a|b.db#t', mode: 'replace', rows_loaded: 10_500, status: 'published' }],
  steps: {},
  dead_letter: { path: null, records: 0 },
  source: { files: [], columns: [] },
  warnings: [],
  error: null,
};

describe('a report in the log', () => {
  it('is a line that names what was published, and nothing else', () => {
    expect(reportLine(REPORT)).toBe(
      'sales succeeded in 12.3 s: 12,000 rows read, 10,500 into a|b.db#t, run k1',
    );
    const [target] = REPORT.targets;
    const merged = { ...REPORT, targets: [{ ...target!, rows_deduplicated: 500 }] };
    expect(reportLine(merged)).toContain(', 10,000 into a|b.db#t');
    const failed = {
      ...REPORT,
      status: 'failed' as const,
      targets: [{ ...target!, status: 'failed' as const }],
    };
    expect(reportLine(failed)).toBe('sales failed in 12.3 s: 12,000 rows read, run k1');
  });
});

describe('a report in the Web UI', () => {
  it('is a table of the targets, and one of the counts that are not zero', () => {
    expect(reportMarkdown(REPORT).split('\n')).toEqual([
      '### sales: succeeded',
      'Run `k1`, 12.3 s, rows balanced.',
      '',
      '| target | mode | rows loaded | status |',
      '|---|---|---:|---|',
      '| a\\|b.db#t | replace | 10,500 | published |',
      '',
      '| rows | |',
      '|---|---:|',
      '| read | 12,000 |',
      '| dropped | 1,500 |',
      '| output | 10,500 |',
    ]);
  });

  it('shows each warning in a paragraph', () => {
    const text = reportMarkdown({ ...REPORT, warnings: ['The header looks like data.', 'No report.'] });
    expect(text).toMatch(/\n\n\*\*Warning\*\* The header looks like data\.\n\n\*\*Warning\*\* No report\.$/);
  });

  it('tells an error with its places, and never a value', () => {
    const place = {
      file: 'a.csv',
      line: 7,
      record: 6,
      column: 'x|y',
      value: 'SECRET',
      reason: 'not an\ninteger',
    };
    const error = {
      code: 'RECORDS_REJECTED' as const,
      message: '1 of 9 records do not fit.',
      hint: 'Mend it.',
      places: [place],
    };
    const text = reportMarkdown({ ...REPORT, status: 'failed', balanced: false, targets: [], error });
    expect(text).toContain('rows not balanced');
    expect(text).toContain('**RECORDS_REJECTED** 1 of 9 records do not fit. Mend it.');
    expect(text).toContain('| a.csv:7 | x\\|y | not an integer |');
    expect(text).not.toContain('SECRET');
  });
});

it('progress shows parts only where there are several, and what the run waits for', () => {
  const view = {
    step: 'extract',
    parts_done: 3,
    parts_total: 12,
    rows_read: 1_234_567,
    run_key: 'k',
    waiting: [],
  };
  expect(progressMarkdown(view)).toBe('**extract** 3/12 · 1,234,567 rows read · run `k`');
  const waiting = ['waiting for disk space: The disk is full.'];
  expect(progressMarkdown({ ...view, waiting })).toBe(
    '**extract** 3/12 · 1,234,567 rows read · run `k`\n\nwaiting for disk space: The disk is full.',
  );
  expect(progressMarkdown({ ...view, parts_total: 1 })).toBe('**extract** · 1,234,567 rows read · run `k`');
});

it('sizes have the unit that fits', () => {
  const sizes = [0, 999, 1_000, 494_401, 4_100_000, 10_500_000_000, 3e15];
  expect(sizes.map(bytes)).toEqual([
    '0 bytes',
    '999 bytes',
    '1.0 KB',
    '494 KB',
    '4.1 MB',
    '11 GB',
    '3000 TB',
  ]);
});

it('numbers are grouped and times have a unit', () => {
  expect([count(0), count(999), count(1000)]).toEqual(['0', '999', '1,000']);
  expect([seconds(12.4), seconds(999), seconds(1000), seconds(61_250)]).toEqual([
    '12 ms',
    '999 ms',
    '1.0 s',
    '61.3 s',
  ]);
});
