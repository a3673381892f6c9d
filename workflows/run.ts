/** A run, as its phases use it. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { RetrySettings } from '../pipeline/config/schema';
import { progressMarkdown } from '../pipeline/markdown';
import type { StepName } from '../pipeline/report';
import type { OwnedRequest } from './identify';
import { DEFAULT_RETRY_SETTINGS } from './budgets';
import { progressOf, type Progress, type RunState } from './run-state';
import { createSteps, type RunStep } from './steps';

export interface Run {
  request: OwnedRequest;
  state: RunState;
  ref: { project: string; staging: string; pipeline: string; runKey: string };
  step: RunStep;
  useSettings(settings: RetrySettings): void;
  progress(): Progress;
  /** Enters a phase, and adds its time to the report. */
  timed<T>(name: StepName, work: () => Promise<T>): Promise<T>;
  /** Adds the time of the phase so far to the state, before the run continues in a new history. */
  bookTime(): void;
  /** Shows where the run is in the Web UI. */
  show(): void;
}

export function createRun(request: OwnedRequest, state: RunState): Run {
  /** By the summary of the step that waits. */
  const waits = new Map<string, string>();
  let bookedMs = Date.now();
  const bookTime = (): void => {
    const entry = state.steps[state.step];
    if (entry) entry.duration_ms += Date.now() - bookedMs;
    bookedMs = Date.now();
  };
  const progress = (): Progress => progressOf(state, [...waits.values()]);
  const show = (): void => setCurrentDetails(progressMarkdown(progress()));
  const stepsUnder = (settings: RetrySettings): RunStep =>
    createSteps(settings, {
      waits(summary, what) {
        const before = waits.get(summary) ?? null;
        if (what === null) waits.delete(summary);
        else waits.set(summary, what);
        if (what !== before) show();
      },
      tried(attempts) {
        const entry = state.steps[state.step];
        if (entry) entry.attempts = Math.max(entry.attempts, attempts);
      },
    });
  let call = stepsUnder(state.plan?.faultTolerance ?? DEFAULT_RETRY_SETTINGS);
  return {
    request,
    state,
    ref: {
      project: request.project,
      staging: request.staging,
      pipeline: state.pipeline,
      runKey: state.runKey,
    },
    useSettings: (settings) => (call = stepsUnder(settings)),
    progress,
    step: (name, summary, input) => {
      if (name === 'finish' || name === 'abort') state.step = 'finish';
      return call(name, summary, input);
    },
    async timed(name, work) {
      state.step = name;
      state.steps[name] ??= { duration_ms: 0, attempts: 1 };
      bookedMs = Date.now();
      show();
      try {
        return await work();
      } finally {
        bookTime();
      }
    },
    bookTime,
    show,
  };
}
