import { temporal } from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { bundlePath } from '../../worker/bundle';
import { listHistories, readHistory, scenarioOf, type History } from './history-file';
import { SCENARIOS } from './scenarios';

const FILES = listHistories();
const filesOf = (...scenarios: string[]): string[] =>
  FILES.filter((file) => scenarios.includes(scenarioOf(file)));

beforeAll(() => {
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
  });
});

async function replay(history: History): Promise<void> {
  const workflowId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  // The id says whether a run is under its own name or a child of another.
  await Worker.runReplayHistory({ workflowBundle: { codePath: bundlePath() } }, history, workflowId ?? '');
}

describe('the workflows as they are', () => {
  it('have a recorded history of every scenario', () => {
    expect([...new Set(FILES.map(scenarioOf))].sort()).toEqual(Object.keys(SCENARIOS).sort());
  });

  it.each(FILES)('do again what they did in %s', async (file) => {
    await replay(readHistory(file));
  });
});

describe('a history that these workflows cannot have made', () => {
  it.each(filesOf('succeeded', 'cancelled', 'widened'))(
    'because a step of %s has another name violates determinism',
    async (file) => {
      const history = readHistory(file);
      const last = history.events?.filter((event) => event.activityTaskScheduledEventAttributes).at(-1);
      const type = last?.activityTaskScheduledEventAttributes?.activityType;
      expect(['finish', 'abort']).toContain(type?.name);
      if (type) type.name = 'prepare';
      await expect(replay(history)).rejects.toThrow(DeterminismViolationError);
    },
  );

  it('because a step has another answer, which leads elsewhere, violates determinism', async () => {
    const [file = ''] = filesOf('failed-validation');
    const history = readHistory(file);
    const failed = history.events?.find((event) => event.activityTaskFailedEventAttributes);
    if (!failed) throw new Error('The history of a failed run has a failed step.');
    const { scheduledEventId, startedEventId } = failed.activityTaskFailedEventAttributes ?? {};
    failed.activityTaskFailedEventAttributes = null;
    failed.eventType = temporal.api.enums.v1.EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED;
    const data = Buffer.from(JSON.stringify({ checks: [] }));
    const encoding = Buffer.from('json/plain');
    failed.activityTaskCompletedEventAttributes = {
      scheduledEventId: scheduledEventId ?? null,
      startedEventId: startedEventId ?? null,
      result: { payloads: [{ data, metadata: { encoding } }] },
    };
    await expect(replay(history)).rejects.toThrow(DeterminismViolationError);
  });
});
