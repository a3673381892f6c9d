/** Decides the checks of the input as a whole, and stages what they keep of this run for later ones. */
import type { CompiledChecks } from '../pipeline/checks/compile';
import type { NamedDatasetCheck, NamedGlobalCheck } from '../pipeline/checks/dataset-check';
import type { Place } from '../pipeline/errors';
import type { LettersUse } from '../pipeline/dead-letter';
import { LIMITS } from '../pipeline/limits';
import { callPlugin } from '../pipeline/plugin-failure';
import type { CheckReport } from '../pipeline/report';
import type { CheckVerdict } from '../plugin/check';
import type { SavedState } from '../plugin/target';
import { readState } from '../runtime/dead-letters/replays';
import { INPUT_VERDICTS } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { findQueue } from './dead-letters/letters-source';
import { judgeGlobals } from './global-checks';
import { thresholdOf } from './judge-rows';
import { keptKey, stageKept, uniteKept, type Kept } from './kept-states';
import { eachTarget, targetOf } from './load';
import type { ExtractedPart } from './parts';
import type { RunPlan } from './plan';
import { findFailing, inputVerdictFiles, totalVerdicts, type VerdictTotal } from './verdicts';

export interface JudgedInput {
  reports: readonly CheckReport[];
  /** What checks that fail the run have found, a sentence each. */
  errors: readonly string[];
  warnings: readonly string[];
  /** The first rows that fail the run. */
  places: readonly Place[];
}

export interface InputToJudge {
  plan: RunPlan;
  checks: CompiledChecks;
  parts: readonly ExtractedPart[];
  /** Places of targets that are down. */
  without: readonly number[];
}

export async function judgeInput(
  deps: Deps,
  run: RunRef,
  input: InputToJudge,
  context: StepContext,
): Promise<JudgedInput> {
  const { datasets, globals } = input.checks;
  const keeping = [...datasets, ...globals].flatMap(({ keeps }) => keeps ?? []);
  const kept = keeping.length > 0 ? await readKept(deps, run, input, context) : NOTHING_KEPT;
  const ofParts = judgeDatasets(datasets, input.parts, kept);
  // Those of an earlier attempt, whose references may have been others.
  await context.staging.remove(INPUT_VERDICTS);
  const whole = await judgeGlobals(deps, run, globals, kept, context);
  const files = await inputVerdictFiles(context);
  const totals = await totalVerdicts(input.plan, files, context);
  if (keeping.length > 0) {
    const states = { ...ofParts.states, ...whole.states };
    // One more than are looked at: a run that some targets have is judged again by those before it.
    const runsMax = Math.max(...keeping.map(({ runs }) => runs)) + 1;
    await stageKept(context.staging, { run: { runKey: run.runKey, number: kept.number, states }, runsMax });
  }
  const judged = [...nameVerdicts(datasets, ofParts.verdicts), ...nameVerdicts(globals, whole.verdicts)];
  const sayings = (wanted: CheckReport['status']): string[] =>
    judged
      .filter(({ status }) => status === wanted)
      .map(({ check, message = wanted }) => `${check.rule}: ${check.says ?? message}.`);
  return {
    reports: judged.map((one) => reportOf(one, totals)),
    places: (await findFailing(input.plan, files, judged.flatMap(failedOf), context)).places,
    errors: sayings('failed'),
    warnings: [...sayings('warned'), ...whole.warnings],
  };
}

const NOTHING_KEPT: Kept = { all: [], earlier: [], number: 1 };

/** @throws FlexetlError as `eachTarget` */
async function readKept(
  deps: Deps,
  run: RunRef,
  { plan: { config }, without }: InputToJudge,
  context: StepContext,
): Promise<Kept> {
  const saved: (SavedState | undefined)[] = [];
  await eachTarget(config, without, async (index) => {
    const { target, options } = targetOf(deps, config, index);
    saved.push(await target.open(options, context).state(keptKey(run)));
  });
  const kept = uniteKept(saved, run.runKey);
  const earlier = await withoutReplaced(deps, config.source.letters, kept.earlier);
  return { ...kept, earlier, isPart: without.length > 0 };
}

/** A replay that recombines the rows of a run replaces that run, and the replays of it before. */
async function withoutReplaced(
  { settings }: Deps,
  letters: LettersUse | undefined,
  earlier: Kept['earlier'],
): Promise<Kept['earlier']> {
  if (letters?.mode !== 'whole') return earlier;
  const queue = await findQueue(letters, settings.projectDir);
  const { done } = await readState(queue);
  const replaced = new Set([queue.head.run_key, ...done.map(({ run_key }) => run_key)]);
  return earlier.filter(({ runKey }) => !replaced.has(runKey));
}

/** Over the states of all parts. */
function judgeDatasets(
  checks: readonly NamedDatasetCheck[],
  parts: readonly ExtractedPart[],
  { earlier }: Kept,
): { verdicts: CheckVerdict[]; states: Record<string, unknown> } {
  const states: Record<string, unknown> = {};
  const nowMs = Date.now();
  const verdicts = checks.map((check, index) =>
    callPlugin(`The check ${check.rule}`, () => {
      const { keeps, keptAs = '' } = check;
      const all = parts.map(({ receipt }) => receipt.states[index]);
      const state = all.reduce((sum, one) => check.merge(sum, one), check.empty);
      if (keeps) states[keptAs] = state;
      const before = earlier.flatMap((run) => (keptAs in run.states ? [run.states[keptAs]] : []));
      return check.verdict(state, { nowMs, earlier: before.slice(0, keeps?.runs ?? 0) });
    }),
  );
  return { verdicts, states };
}

interface NamedVerdict extends CheckVerdict {
  check: NamedDatasetCheck | NamedGlobalCheck;
}

function nameVerdicts(
  checks: readonly NamedVerdict['check'][],
  verdicts: readonly CheckVerdict[],
): NamedVerdict[] {
  return verdicts.flatMap((verdict, index) => {
    const check = checks[index];
    if (!check) return [];
    const isLenient = verdict.status === 'failed' && check.onFailure === 'warn';
    return [{ ...verdict, check, status: isLenient ? 'warned' : verdict.status }];
  });
}

/** The verdicts of a check that fails the run, by their rule and column. */
function failedOf({ check, status }: NamedVerdict): Pick<VerdictTotal, 'rule' | 'column'>[] {
  return status === 'failed' ? [keyOf(check)] : [];
}

function keyOf({ rule, columns }: NamedVerdict['check']): Pick<VerdictTotal, 'rule' | 'column'> {
  return { rule, column: (columns.length === 1 ? columns[0] : undefined) ?? null };
}

function reportOf(
  { check, status, failing_rows }: NamedVerdict,
  totals: readonly VerdictTotal[],
): CheckReport {
  const key = keyOf(check);
  const total = totals.find(({ rule, column }) => rule === key.rule && column === key.column);
  return {
    name: check.rule,
    ...(check.columns.length > 0 && { columns: check.columns.slice(0, LIMITS.checkColumnsMax) }),
    severity: check.severity,
    status,
    failing_rows,
    ...thresholdOf(check),
    ...(total && { examples: total.examples }),
  };
}
