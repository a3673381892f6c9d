import fc from 'fast-check';
import { escapeHtml, html } from '../../engine/report/page/html';
import { renderPage } from '../../engine/report/page/page';
import { percent } from '../../engine/report/page/words';
import { LIMITS } from '../../pipeline/limits';
import type { ReportFile } from '../../pipeline/report';
import { exampleReport } from '../support/report';

const repeat = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => make(index));

/** As large as a report can be, every text of it the same. */
function largestReport(text: string): ReportFile {
  const value = text.repeat(80).slice(0, LIMITS.valueCharsMax);
  const place = { file: value, line: 1_000_000, record: 1_000_000, column: value, value, reason: value };
  const bars = repeat(LIMITS.histogramBarsMax, () => ({ label: value, rows: 1_000_000 }));
  return exampleReport({
    status: 'failed',
    error: { code: 'INTERNAL', message: text, hint: text, places: [place] },
    warnings: repeat(LIMITS.warningsMax, () => text.repeat(500).slice(0, LIMITS.warningCharsMax)),
    verdicts: {
      path: text,
      count: 1_000_000,
      complete: false,
      rules: repeat(LIMITS.verdictRulesMax, () => ({
        rule: value,
        column: value,
        severity: 'reject' as const,
        failing_rows: 1_000_000,
        examples: repeat(LIMITS.ruleExamplesMax, () => place),
      })),
    },
    profile: {
      rows: 1,
      rows_total: 2,
      distinct_exact: false,
      columns: repeat(LIMITS.profileColumnsMax, (index) => ({
        name: value,
        type: 'string',
        nulls: 1,
        distinct: 1_000_000,
        min: value,
        max: value,
        histogram: { of: index % 2 === 0 ? 'values' : 'ranges', bars },
      })),
    },
  });
}

describe('the page of a run', () => {
  it('shows whatever the data holds as text', () => {
    const attack = `<script>alert(1)</script>"><img src=x onerror='alert(1)'>&amp;`;
    const tame = renderPage(largestReport('x'), []);
    const page = renderPage(largestReport(attack), []);
    const tags = (text: string): string[] => text.match(/<[^>]*>/g) ?? [];
    // The same tags, but for the attributes that hold a text.
    const bare = (text: string): string[] => tags(text).map((tag) => tag.replace(/"[^"]*"/g, '""'));
    expect(bare(page)).toEqual(bare(tame));
    expect(page).toContain('&#60;script&#62;alert(1)');
  });

  it('escapes every text so that a reader gets it back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"']/);
        const shown = escaped.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
        const plain = text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '');
        expect(shown.replace(/\\(u[0-9a-f]{4}|[nrt])/g, '')).toBe(
          plain.replace(/\\(u[0-9a-f]{4}|[nrt])/g, ''),
        );
      }),
    );
    expect(escapeHtml('a\nb\u0000\u202e')).toBe('a\\nb\\u0000\\u202e');
    expect(html`<b>${'<'}${[1, html`<i></i>`]}${null}${false}</b>`.html).toBe('<b>&#60;1<i></i></b>');
  });

  it('needs nothing else, runs no script, and is below 1 MB however much there is', () => {
    const runs = repeat(LIMITS.trendRunsMax, (index) => exampleReport({ run_key: String(index) }));
    const page = renderPage(largestReport('<'), runs);
    expect(Buffer.byteLength(page)).toBeLessThan(1_000_000);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|https?:|\bon\w+=/);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  });

  it('says first how the run has ended', () => {
    const headline = (changes: Partial<ReportFile>): string =>
      /<h1>(.*?)<\/h1>/s.exec(renderPage(exampleReport(changes), []))?.[1] ?? '';
    const [target] = exampleReport().targets;
    expect(headline({})).toBe('7 rows loaded.');
    expect(headline({ targets: [{ ...target!, rows_deduplicated: 2 }] })).toBe('5 rows loaded.');
    expect(headline({ status: 'failed' })).toBe('Nothing was loaded.');
    expect(headline({ status: 'cancelled' })).toBe('Cancelled. Nothing was loaded.');
    const half = [target!, { ...target!, status: 'failed' as const }];
    expect(headline({ status: 'partial', targets: half })).toBe('1 of 2 targets has its rows.');
  });

  it('shows the row balance as an equation that adds up', () => {
    const sum = (changes: Partial<ReportFile>): string =>
      /<p class="sum">(.*?)<\/p>/s.exec(renderPage(exampleReport(changes), []))?.[1]?.trim() ?? '';
    const { rows } = exampleReport();
    expect(sum({})).toBe('10 read = 7 passed on + 2 filtered out + 1 dropped');
    expect(sum({ rows: { ...rows, dropped: 0, filtered: 0, aggregated: 10, output: 4 } })).toBe(
      '10 read = 10 aggregated, in 4 groups',
    );
    expect(
      sum({ status: 'failed', rows: { ...rows, dropped: 0, filtered: 0, rejected: 3, output: 0 } }),
    ).toBe('10 read = 3 rejected + 7 read, and not loaded');
  });

  it('never calls a part nothing, or all', () => {
    expect([percent(0, 5), percent(1, 10_000), percent(9999, 10_000), percent(5, 5)]).toEqual([
      '0 %',
      '< 0.1 %',
      '99.9 %',
      '100 %',
    ]);
  });
});
