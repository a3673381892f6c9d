/** Shows the progress of a run: a bar on a terminal, else lines. */
import { SingleBar } from 'cli-progress';
import type { RunProgress } from '../control/watch-run';
import { LIMITS } from '../pipeline/limits';
import { count } from '../pipeline/markdown';
import type { Logger } from '../runtime/log';
import type { CommandContext } from './context';

export interface ProgressDisplay {
  show(progress: RunProgress): void;
  /** Can be called twice. */
  stop(): void;
}

export function createProgress(context: CommandContext, log: Logger): ProgressDisplay {
  return context.interactive ? createBar(context) : createLines(log);
}

function createBar(context: CommandContext): ProgressDisplay {
  const bar = new SingleBar({
    format: '{bar} {percentage} % | {step} | {rows} rows read | {duration_formatted}',
    stream: context.stderr as NodeJS.WritableStream,
    hideCursor: true,
    clearOnComplete: true,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  let started = false;
  return {
    show(progress) {
      const values = { step: stepText(progress), rows: count(progress.rows_read) };
      if (!started) bar.start(100, 0, values);
      started = true;
      bar.update(Math.floor(progress.fraction * 100), values);
    },
    stop() {
      if (started) bar.stop();
      started = false;
    },
  };
}

function createLines(log: Logger): ProgressDisplay {
  let last = '';
  let lastMs = 0;
  return {
    show(progress) {
      const step = stepText(progress);
      const nowMs = performance.now();
      if (step === last && nowMs - lastMs < LIMITS.progressLineMs) return;
      last = step;
      lastMs = nowMs;
      log.info(`${Math.floor(progress.fraction * 100)} % ${step}, ${count(progress.rows_read)} rows read`);
    },
    stop: () => undefined,
  };
}

function stepText(progress: RunProgress): string {
  const parts = progress.parts_total > 1 ? ` ${progress.parts_done}/${progress.parts_total}` : '';
  return [`${progress.step}${parts}`, ...progress.waiting].join(', ');
}
