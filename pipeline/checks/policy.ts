/** What a pipeline file says about any check beside its own options, and what follows when rows fail it. */
import { z } from 'zod';
import { expression } from '../../plugin/options';
import { parseThreshold, reaches, threshold, type Threshold } from './threshold';

export const ON_FAILURE = ['fail', 'warn', 'continue'] as const;

export type OnFailure = (typeof ON_FAILURE)[number];

/** Of a check of rows. `reject`: a row that fails it is not loaded. `warn`: it is loaded and reported. */
export type Severity = 'reject' | 'warn';

/** The keys that every check has beside its own options. */
export const checkSettings = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('The name of the check in reports. Default: its type.'),
  where: expression()
    .optional()
    .describe("Only rows for which this is true are checked: `status = 'paid'`. Default: all rows."),
  warn_when: threshold()
    .optional()
    .describe(
      'The check warns when so many rows fail: `> 0`, or `>= 2.5%` of the rows that it looks at. Default: see `fail_when`.',
    ),
  fail_when: threshold()
    .optional()
    .describe(
      'The check fails when so many rows fail: `> 100`, or `> 5%`. Fewer failing rows are loaded like all others, but with `on_failure: continue` quarantined. Default: when any row fails; with `warn_when` alone it does not fail.',
    ),
  message: z.string().min(1).max(200).optional().describe('What reports say of a row that fails.'),
  on_failure: z
    .enum(ON_FAILURE)
    .optional()
    .describe(
      '`fail`: nothing is loaded. `warn`: it is reported. `continue`: rows that fail are quarantined, the others loaded. Default: `on_failure` of the validation.',
    ),
});

export type CheckSettings = z.output<typeof checkSettings>;

/** What a run does with what fails its checks. */
export interface FailurePolicy {
  onFailure: OnFailure;
  /** Whether rejected records have a queue to go to. */
  queue: boolean;
}

/** The sections of a pipeline file that say so. */
interface PolicySections {
  validation: { on_failure?: OnFailure | undefined };
  fault_tolerance: { dead_letter_queue: { enabled: boolean } };
}

export function policyOf({ validation, fault_tolerance }: PolicySections): FailurePolicy {
  const queue = fault_tolerance.dead_letter_queue.enabled;
  return { queue, onFailure: validation.on_failure ?? (queue ? 'continue' : 'fail') };
}

/** The policy of one check. */
export interface Judged {
  /** Its name in reports and verdicts. */
  rule: string;
  onFailure: OnFailure;
  severity: Severity;
  warnWhen?: Threshold;
  failWhen?: Threshold;
  /** What reports say instead of the check's own words. */
  says?: string;
}

/** @param settings those of the check itself, which come first */
export function judgedBy(rule: string, policy: FailurePolicy, settings: CheckSettings = {}): Judged {
  const { warn_when, fail_when, message, on_failure: onFailure = policy.onFailure } = settings;
  const tolerates = onFailure === 'fail' && (warn_when !== undefined || fail_when !== undefined);
  return {
    rule,
    onFailure,
    severity: onFailure === 'warn' || tolerates ? 'warn' : 'reject',
    ...(warn_when !== undefined && { warnWhen: parseThreshold(warn_when) }),
    ...(fail_when !== undefined && { failWhen: parseThreshold(fail_when) }),
    ...(message !== undefined && { says: message }),
  };
}

/**
 * Of what makes a record no row at all, such as a value of another type: it cannot be loaded. Under `warn` it is
 * quarantined if there is a queue, or else fails the run. Thresholds say when the run fails all the same.
 */
export function judgedBroken(rule: string, policy: FailurePolicy, settings: CheckSettings = {}): Judged {
  const onFailure = settings.on_failure ?? policy.onFailure;
  const kept = onFailure === 'warn' ? (policy.queue ? 'continue' : 'fail') : onFailure;
  return judgedBy(
    rule,
    policy,
    kept === 'continue' ? { ...settings, on_failure: kept } : { on_failure: kept },
  );
}

/**
 * The status of a check.
 * @param failing rows that fail it
 * @param rows that it has looked at
 */
export function judge(
  { onFailure, warnWhen, failWhen }: Judged,
  failing: number,
  rows: number,
): 'passed' | 'warned' | 'failed' {
  const isReached = (limit: Threshold | undefined): boolean =>
    limit !== undefined && reaches(limit, failing, rows);
  const isPlain = warnWhen === undefined && failWhen === undefined;
  const fails = isPlain ? onFailure !== 'continue' && failing > 0 : isReached(failWhen);
  if (fails) return onFailure === 'warn' ? 'warned' : 'failed';
  const warns = isReached(warnWhen) || (onFailure === 'continue' && failing > 0);
  return warns ? 'warned' : 'passed';
}

/** Those of a column in `validation.schema`, for all its rules. */
export const columnSettings = checkSettings.omit({ name: true });
