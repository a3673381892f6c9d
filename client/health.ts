/** `flexetl health`: checks the workers of this project on this machine, for health checks of containers. */
import { askWorkers, type WorkerHealth } from '../worker/health';
import { EXIT, type CommandContext } from './context';
import { printJson, printLine, printNote } from './print';

/** @returns 0 if every worker is healthy; 1 if one is not, or if there is none */
export async function healthCommand(context: CommandContext, options: { live?: boolean }): Promise<number> {
  const workers = await askWorkers(context.settings, options.live ? 'live' : 'health');
  if (context.json) printJson(context, workers);
  else if (workers.length === 0) printNote(context, 'No worker of this project runs here.');
  else for (const worker of workers) printLine(context, describe(worker));
  const healthy = workers.length > 0 && workers.every((worker) => worker.healthy);
  return healthy ? EXIT.done : EXIT.checkFailed;
}

function describe({ healthy, reason = '', pid, task_queue, activities }: WorkerHealth): string {
  if (!healthy) return `✘ worker ${pid}: ${reason}`;
  const work = activities === 1 ? '1 activity' : `${activities} activities`;
  return `✔ worker ${pid} of task queue ${task_queue}: ${work} running`;
}
