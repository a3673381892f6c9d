/** The input of a pipeline workflow, which anyone can start, checked before it is believed. */
import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { RUN_KEY } from '../pipeline/run-key';
import type { PipelineInput } from './messages';
import { createRunState, type RunState } from './run-state';

/** An input whose run has its key. */
export type PipelineRequest = PipelineInput & { run_key: string; again: boolean };

/**
 * A TypeError would be retried for ever, so everything that the workflow itself uses is checked here. Prepare checks the
 * rest: zod in the workflow would make the start of every worker 0.1 s longer.
 * @throws ApplicationFailure USAGE
 */
export function parseRequest(input: unknown): PipelineRequest {
  const request = typeof input === 'string' ? { name: input } : input;
  if (!isObject(request) || !isText(request['name'])) throw usage(EXPECTED);
  const { name, run_key, project, staging, staged, replay, resume } = request;
  const { again = run_key !== undefined } = request;
  const isAbsentOrText = (value: unknown): value is string | undefined =>
    value === undefined || isText(value);
  if (!isAbsentOrText(run_key) || !isAbsentOrText(project) || !isAbsentOrText(staging)) throw usage(EXPECTED);
  if (!['prefer', 'require', undefined].includes(staged as string | undefined))
    throw usage('"staged" is neither "prefer" nor "require".');
  if (replay !== undefined && !isReplay(replay))
    throw usage('"replay" is not an object with the queue, a path, and the number of the replay.');
  if (typeof again !== 'boolean') throw usage('"again" is neither true nor false.');
  for (const [what, text] of Object.entries({ name, run_key, project, staging }))
    if (text !== undefined && !RUN_KEY.test(text))
      throw usage(`${what} has ${text.length} characters, expected 1 to 200 printable ones.`);
  if (resume !== undefined && !isResumed(resume, name, run_key))
    throw usage('The input has a "resume" that is not of a run which continues: start it without.');
  return { ...request, name, run_key: run_key ?? defaultRunKey(), again } as PipelineRequest;
}

const EXPECTED =
  'The input of a pipeline workflow is the name of a pipeline, as in "sales", or an object with name and run_key.';

/**
 * The key of a run that is started by its name. The id of the first execution survives a reset and a retry; of a cron
 * schedule all executions have it.
 */
function defaultRunKey(): string {
  const { firstExecutionRunId, cronSchedule, startTime } = workflowInfo();
  return cronSchedule ? `${startTime.toISOString()} ${firstExecutionRunId}` : firstExecutionRunId;
}

/** Only the server can say that a run continues from another one; a start by hand cannot. */
function isResumed(resume: unknown, pipeline: string, runKey: unknown): resume is RunState {
  if (workflowInfo().continuedFromExecutionRunId === undefined || !isObject(resume)) return false;
  const template: object = createRunState(pipeline, '', 0);
  const fits = ([name, value]: [string, unknown]): boolean =>
    value === null || kindOf(resume[name]) === kindOf(value);
  return (
    Object.entries(template).every(fits) && resume['pipeline'] === pipeline && resume['runKey'] === runKey
  );
}

function isReplay(value: unknown): boolean {
  return isObject(value) && isText(value['queue']) && Number.isInteger(value['number']);
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return kindOf(value) === 'object' && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function usage(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'USAGE');
}
