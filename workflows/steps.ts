/** The one place with timeouts and retries of activities. */
import { proxyActivities, sleep, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { RetrySettings } from '../pipeline/config/schema';
import { LIMITS } from '../pipeline/limits';
import { createBudgets } from './budgets';
import { detailsIn } from './failures';

type ActivityName = keyof Activities;
type InputOf<N extends ActivityName> = Parameters<Activities[N]>[0];
type Results = { [N in ActivityName]: Awaited<ReturnType<Activities[N]>> };

export type RunStep = <N extends ActivityName>(
  name: N,
  summary: string,
  input: InputOf<N>,
) => Promise<Results[N]>;

export interface StepObserver {
  /** What the step of this summary waits for; null: no longer. */
  waits(summary: string, what: string | null): void;
  /** A step has ended, after so many attempts. */
  tried(attempts: number): void;
}

/**
 * Calls activities, again and again while their budgets last, see `budgets.ts`. The workflow does the retries, not the
 * server, which knows only one budget.
 */
export function createSteps(settings: RetrySettings, observer: StepObserver = SILENT): RunStep {
  let current = settings;
  const activities = proxyActivities<Activities>(OPTIONS);
  return async <N extends ActivityName>(name: N, summary: string, input: InputOf<N>) => {
    // The proxy's functions are typed one by one; a name and its input belong together by RunStep.
    const activity = activities[name] as unknown as {
      executeWithOptions(options: ActivityOptions, args: [unknown]): Promise<Results[N]>;
    };
    const budgets = createBudgets(name, () => current);
    try {
      for (;;) {
        const startedMs = Date.now();
        try {
          return await activity.executeWithOptions({ ...OPTIONS, summary }, [input]);
        } catch (error) {
          current = detailsIn(error).fault_tolerance ?? current;
          const pause = budgets.spend(error, Date.now() - startedMs);
          if (pause === undefined) throw error;
          if (pause.waitingFor !== undefined) observer.waits(summary, pause.waitingFor);
          if (pause.ms > 0) await sleep(pause.ms, { summary: pause.waitingFor ?? `${summary} again` });
        }
      }
    } finally {
      observer.tried(budgets.attempts());
      observer.waits(summary, null);
    }
  };
}

const SILENT: StepObserver = { waits: () => undefined, tried: () => undefined };

const OPTIONS: ActivityOptions = {
  startToCloseTimeout: '24 hours',
  scheduleToCloseTimeout: '7 days',
  heartbeatTimeout: LIMITS.heartbeatTimeoutMs,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { maximumAttempts: 1 },
};
