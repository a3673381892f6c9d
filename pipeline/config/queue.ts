/** A tolerant policy needs a dead-letter queue. */
import type { z } from 'zod';
import type { CheckSettings, OnFailure } from '../checks/policy';

interface Sections {
  validation: {
    on_failure?: OnFailure | undefined;
    schema: Readonly<Record<string, { on_failure?: OnFailure | undefined }>>;
    quality_checks: readonly { settings?: CheckSettings }[];
  };
  fault_tolerance: { dead_letter_queue: { enabled: boolean } };
}

/** Adds a problem for each `on_failure: continue` where the queue is not enabled. */
export function assertQueue({ validation, fault_tolerance }: Sections, ctx: z.RefinementCtx): void {
  if (fault_tolerance.dead_letter_queue.enabled) return;
  const { schema, quality_checks } = validation;
  const policies: readonly (readonly [path: readonly (string | number)[], policy: OnFailure | undefined])[] =
    [
      [[], validation.on_failure],
      ...Object.entries(schema).map(([name, column]) => [['schema', name], column.on_failure] as const),
      ...quality_checks.map((use, index) => [['quality_checks', index], use.settings?.on_failure] as const),
    ];
  for (const [path, policy] of policies)
    if (policy === 'continue')
      ctx.addIssue({ code: 'custom', path: ['validation', ...path, 'on_failure'], message: NO_QUEUE });
}

const NO_QUEUE =
  'found "continue", expected fail or warn. Records that fail would be lost: set fault_tolerance.dead_letter_queue.enabled: true.';
