/**
 * What a run leaves for people under `output/reports/`: the JSON report, the verdicts of its records in Parquet, and a
 * page. The staged parts are read before they are removed.
 */
import { messageOf } from '../../pipeline/errors';
import type { ReportFile, RunReport } from '../../pipeline/report';
import { withDuckdb, type Duckdb } from '../../runtime/duckdb';
import { findReport, reportPath, writePage, writeReport, writeVerdicts } from '../../runtime/report-file';
import { PLAN } from '../../runtime/staging/parts';
import type { StepContext } from '../context';
import type { Deps } from '../deps';
import { sessionOptions, type RunPlan } from '../plan';
import { listReports } from './list-reports';
import { renderPage } from './page/page';
import { profileRows } from './profile';
import { findStagedParts, type StagedParts } from './staged-parts';
import { findVerdicts, mergeVerdicts } from './verdicts';

export interface ReportWriter {
  /**
   * Writes the report and its page. May be called again, with other warnings.
   * @throws FlexetlError DISK_FULL, PATH_UNWRITABLE
   */
  write(report: RunReport): Promise<void>;
}

type Findings = Pick<ReportFile, 'verdicts' | 'profile' | 'profile_missing'>;

/**
 * Looks at what is staged, and writes the verdicts. What fails there is a warning in the log: the report must be written
 * all the same.
 */
export async function openReportWriter(
  deps: Deps,
  report: RunReport,
  context: StepContext,
): Promise<ReportWriter> {
  const { projectDir } = deps.settings;
  const plan = (await context.staging.fetch<RunPlan>(PLAN).catch(() => undefined))?.receipt;
  const wanted = plan?.config.validation.report ?? { html: true, profile: true };
  const findings = await findFindings(deps, report, plan, context).catch((error: unknown): Findings => {
    deps.log.warn(`The report has no verdicts and no profile of the columns: ${messageOf(error)}`);
    return { profile_missing: 'What was staged could not be read.' };
  });
  return {
    async write(last) {
      const file: ReportFile = { ...last, ...findings };
      await writeReport(projectDir, file);
      if (wanted.html)
        await writePage(projectDir, last, renderPage(file, await listReports(projectDir, last.pipeline)));
    },
  };
}

async function findFindings(
  deps: Deps,
  report: RunReport,
  plan: RunPlan | undefined,
  context: StepContext,
): Promise<Findings> {
  const { projectDir } = deps.settings;
  const before = await findReport(projectDir, report);
  // An earlier attempt of this step has written it, and may have removed a part of what was staged.
  if (before?.started_at === report.started_at) {
    const { verdicts, profile, profile_missing } = before;
    return {
      ...(verdicts && { verdicts }),
      ...(profile && { profile }),
      ...(profile_missing !== undefined && { profile_missing }),
    };
  }
  // An earlier attempt has removed what was staged, and could not write the report.
  if (!plan && report.rows.read > 0) return { profile_missing: 'What was staged is gone.' };
  if (!plan || report.status === 'cancelled' || report.rows.read === 0) {
    await writeVerdicts(projectDir, report, undefined);
    return {};
  }
  const staged = await findStagedParts(plan, context);
  const { files, complete } = await findVerdicts(staged, context);
  const isWhole = staged.complete && report.steps.validate !== undefined;
  const missing = whyNoProfile(
    plan,
    isWhole,
    staged.parts.some(({ receipt }) => receipt.kind === 'groups'),
  );
  if (files.length === 0 && missing !== undefined) {
    await writeVerdicts(projectDir, report, undefined);
    return { profile_missing: missing };
  }
  return withDuckdb(sessionOptions(plan.config, context), async (db): Promise<Findings> => {
    const merged = files.length > 0 ? await mergeVerdicts(db, files, context.scratchDir) : undefined;
    await writeVerdicts(projectDir, report, merged?.file);
    const path = reportPath(report.pipeline, report.run_key, 'verdicts.parquet');
    return {
      ...(merged && { verdicts: { path, complete: complete && isWhole, ...merged.summary } }),
      ...(missing === undefined ? await profileOf(deps, db, staged) : { profile_missing: missing }),
    };
  });
}

/** A profile that fails must not cost the verdicts. */
async function profileOf(
  deps: Deps,
  db: Duckdb,
  { parts, schema }: StagedParts,
): Promise<Pick<ReportFile, 'profile' | 'profile_missing'>> {
  try {
    return { profile: await profileRows(db, parts, schema) };
  } catch (error) {
    deps.log.warn(`The report has no profile of the columns: ${messageOf(error)}`);
    return { profile_missing: 'It failed: the log says why.' };
  }
}

/** Undefined where there can be a profile. */
function whyNoProfile({ config }: RunPlan, isWhole: boolean, hasGroups: boolean): string | undefined {
  if (!config.validation.report.profile) return 'It is turned off: validation.report.profile.';
  if (!isWhole) return 'The run ended before it had read its whole source.';
  return hasGroups ? 'The rows were grouped while they were read: none of them is kept.' : undefined;
}
