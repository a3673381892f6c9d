/** A run, as its phases use it. */
import { setCurrentDetails } from '@temporalio/workflow';
import { progressMarkdown } from '../pipeline/markdown';
import type { StepName } from '../pipeline/report';
import type { OwnedRequest } from './identify';
import { progressOf, type RunState } from './run-state';
import { createSteps, DEFAULT_RETRY, type RetrySettings, type RunStep } from './steps';

export interface Run {
  request: OwnedRequest;
  state: RunState;
  ref: { project: string; staging: string; pipeline: string; runKey: string };
  step: RunStep;
  useRetry(retry: RetrySettings): void;
  /** Enters a phase, and adds its time to the report. */
  timed<T>(name: StepName, work: () => Promise<T>): Promise<T>;
  /** Adds the time of the phase so far to the state, before the run continues in a new history. */
  bookTime(): void;
  /** Shows where the run is in the Web UI. */
  show(): void;
}

export function createRun(request: OwnedRequest, state: RunState): Run {
  let call = createSteps(state.plan?.retry ?? DEFAULT_RETRY);
  let bookedMs = Date.now();
  const bookTime = (): void => {
    const entry = state.steps[state.step];
    if (entry) entry.duration_ms += Date.now() - bookedMs;
    bookedMs = Date.now();
  };
  const show = (): void => setCurrentDetails(progressMarkdown(progressOf(state)));
  return {
    request,
    state,
    ref: {
      project: request.project,
      staging: request.staging,
      pipeline: state.pipeline,
      runKey: state.runKey,
    },
    useRetry: (retry) => (call = createSteps(retry)),
    step: async (name, summary, input) => {
      if (name === 'finish' || name === 'abort') state.step = 'finish';
      const result = await call(name, summary, input);
      const entry = state.steps[state.step];
      if (entry) entry.attempts = Math.max(entry.attempts, result.attempt);
      return result;
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
