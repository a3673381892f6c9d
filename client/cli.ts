/** The command line: arguments in, an exit code out. Each command is imported only when it is used. */
import { join, resolve } from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import type { Settings } from '../runtime/settings';
import { openSettings } from '../runtime/find-project';
import { PACKAGE_DIR } from '../worker/bundle';
import { EXIT, type CommandContext } from './context';
import { printError, printJson, printNote } from './print';
import { catchSignals, SIGNAL_EXIT, type OnInterrupt, type StopSignal } from './signals';

export interface Streams {
  stdout: NodeJS.WritableStream & CommandContext['stdout'];
  stderr: CommandContext['stderr'] & { isTTY?: boolean };
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  onInterrupt: CommandContext['onInterrupt'];
}

/** @returns the exit code: 0 done, 1 a check failed, 2 usage, 3 the run failed, 129, 130 or 143 ended by a signal */
export async function main(argv: readonly string[], streams: Streams): Promise<number> {
  const flags = { json: argv.includes('--json'), debug: argv.includes('--debug') };
  let endedBy: StopSignal = 'SIGINT';
  let settings: Settings | undefined;
  const context: CommandContext = {
    // At the first use: it may fail, and `--help` needs none.
    get settings() {
      return (settings ??= openSettings(streams.env, streams.cwd));
    },
    cwd: streams.cwd,
    stdout: streams.stdout,
    stderr: streams.stderr,
    interactive: streams.stderr.isTTY === true,
    ...flags,
    closers: [],
    onInterrupt: (handler) =>
      streams.onInterrupt((signal) => {
        endedBy = signal;
        handler(signal);
      }),
  };
  let exit: number = EXIT.done;
  const program = createProgram(context, (code) => (exit = code));
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exit === EXIT.interrupted ? SIGNAL_EXIT[endedBy] : exit;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.done;
      // Commander has already printed the error.
      if (flags.json) printJson(context, { error: { code: 'USAGE', message: error.message } });
      return EXIT.usage;
    }
    const code = printError(context, error);
    return code === EXIT.interrupted ? SIGNAL_EXIT[endedBy] : code;
  } finally {
    await Promise.all(context.closers.map((close) => close()));
  }
}

function createProgram(context: CommandContext, done: (code: number) => void): Command {
  const program = new Command('flexetl')
    .description('Durable ETL pipelines on Temporal: one YAML file, exact numbers, nothing lost or doubled.')
    .version(readVersion())
    .showHelpAfterError('Run `flexetl --help` for the commands.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .hook('preAction', () => {
      const { projectDir } = context.settings;
      const isNamed = Boolean(context.settings.env['FLEXETL_PROJECT_DIR']);
      if (projectDir !== resolve(context.cwd) && !isNamed) printNote(context, `Project: ${projectDir}`);
    });
  const command = (usage: string, description: string, parent: Command = program): Command =>
    parent
      .command(usage)
      .description(description)
      .option('--json', 'results as JSON on stdout')
      .addOption(new Option('--debug', 'show stack traces of errors'))
      .exitOverride();
  const config = (added: Command): Command =>
    added
      .option('--config <file>', 'a pipeline file instead of configs/<name>.yaml')
      .option('--set <key=value>', 'override a value, as in source.path=other.csv; repeatable', collect, [])
      .option('--env <name>', 'an environment of the pipeline, as in prod; default: FLEXETL_ENV');

  command('init <what>', 'a folder: a project of your own in it; a data file: a pipeline file for it')
    .option('--from <file>', 'a data file for the first pipeline of the project; default: a sample')
    .option('--name <name>', 'name of the pipeline; default: that of the file')
    .option('--to <target>', 'type of the target, and its place, as in sqlite:output/orders.db', 'sqlite')
    .option('--set <key=value>', 'an option, as in source.delimiter=;, repeatable', collect, [])
    .action(async (what, options) =>
      done(await (await import('./init.js')).initCommand(context, what, options, readVersion())),
    );
  config(command('run [names...]', 'run pipelines, one after the other, and wait for them'))
    .option('--all', 'every pipeline in configs/')
    .option('--select <tag:name>', 'every pipeline with this tag; repeatable', collect, [])
    .option('--run-key <key>', 'identity of the run towards its targets; the same key loads once')
    .addOption(
      new Option('--again', 'append files again that an earlier run has appended').conflicts('runKey'),
    )
    .option('--detach', 'start the run and return; other workers do the work')
    .option('--join', 'wait for the open run, if there is one, whatever it is')
    .option('--no-wait', 'fail if another run is open, instead of waiting for its end')
    .option('--no-worker', 'run no worker in this process; other workers do the work')
    .action(async (names, options) =>
      done(await (await import('./run.js')).runCommand(context, names, options)),
    );
  command('retry [name]', 'go on with a run that has failed, by its pipeline or key, from what it has staged')
    .option('--run-key <key>', 'the run of this key, where several pipelines have one')
    .option(
      '--accept-config-change',
      'go on although the pipeline file has changed since, by the file as it is now',
    )
    .option('--detach', 'start the run and return; other workers do the work')
    .option('--no-worker', 'run no worker in this process; other workers do the work')
    .action(async (name, options) =>
      done(await (await import('./retry.js')).retryCommand(context, name, options)),
    );
  config(command('validate [names...]', 'check pipeline files; needs no server'))
    .option('--all', 'every pipeline in configs/')
    .option('--select <tag:name>', 'every pipeline with this tag; repeatable', collect, [])
    .action(async (names, options) =>
      done(await (await import('./validate.js')).validateCommand(context, names, options)),
    );
  config(
    command('plan [name]', 'what a run would do: columns, partitions, SQL, targets; changes nothing'),
  ).action(async (name, options) =>
    done(await (await import('./plan.js')).planCommand(context, name, options)),
  );
  config(command('preview [name]', 'the first rows after all transforms; writes to no target'))
    .option('--rows <n>', 'how many rows to show', '20')
    .action(async (name, options) =>
      done(await (await import('./preview.js')).previewCommand(context, name, options)),
    );
  config(command('test [names...]', 'run the tests of pipelines, configs/<name>.test.yaml; needs no server'))
    .option('--all', 'of every pipeline; the default')
    .option('--select <tag:name>', 'of every pipeline with this tag; repeatable', collect, [])
    .option('--record', 'write what came out into tests that expect nothing yet')
    .action(async (names, options) =>
      done(await (await import('./test.js')).testCommand(context, names, options)),
    );
  command('schema', 'the JSON Schema of pipeline files').action(async () =>
    done(await (await import('./schema.js')).schemaCommand(context)),
  );
  command('status [name]', 'open runs, and the last run of each pipeline').action(async (name) =>
    done(await (await import('./status.js')).statusCommand(context, name)),
  );
  command('history [name]', 'runs, the newest first')
    .option('--limit <n>', 'how many', '20')
    .action(async (name, options) =>
      done(await (await import('./status.js')).historyCommand(context, name, options)),
    );
  command('report [run]', 'the report of a run, by its key or its pipeline, with what fails; needs no server')
    .option('--run-key <key>', 'the run of this key, where several pipelines have one')
    .option('--rule <rule>', 'only the verdicts of this rule')
    .option('--all', 'all verdicts')
    .option('--trend <pipeline>', 'the last runs of a pipeline')
    .action(async (run, options) =>
      done(await (await import('./report.js')).reportCommand(context, run, options)),
    );
  addQueueCommands(command, context, done);
  command('cancel <name>', 'cancel the open run of a pipeline').action(async (name) =>
    done(await (await import('./cancel.js')).cancelCommand(context, name)),
  );
  command('worker', 'work for the task queue until interrupted').action(async () =>
    done(await (await import('./worker.js')).workerCommand(context)),
  );
  command('health', 'check the workers of this project on this machine')
    .option('--live', 'check only the workers, not whether the server answers them')
    .action(async (options) => done(await (await import('./health.js')).healthCommand(context, options)));
  command('doctor', 'check this machine and this folder, and say what to do').action(async () =>
    done(await (await import('./doctor.js')).doctorCommand(context)),
  );
  command('dev', 'dev server, worker and Web UI in the foreground')
    .option('--port <port>', 'port of the server', '7233')
    .option('--ui-port <port>', 'port of the Web UI', '8233')
    .action(async (options) => done(await (await import('./worker.js')).devCommand(context, options)));
  return program;
}

/** `flexetl dlq …` */
function addQueueCommands(
  command: (usage: string, description: string, parent?: Command) => Command,
  context: CommandContext,
  done: (code: number) => void,
): void {
  const dlq = command('dlq', 'records that failed: look at them, correct and replay them, or discard them');
  const queue = (usage: string, description: string): Command =>
    command(usage, description, dlq).option('--run-key <key>', 'the run, where several have dead letters');
  command('list [name]', 'runs with dead letters, of one pipeline or of all', dlq).action(async (name) =>
    done(await (await import('./dlq.js')).dlqCommand(context, name)),
  );
  queue('show <name>', 'the records of a run that failed, each with every rule that it fails')
    .option('--limit <n>', 'how many', '20')
    .action(async (name, options) =>
      done(await (await import('./dlq.js')).dlqShowCommand(context, name, options)),
    );
  queue('export <name>', 'the records as a file to correct, NDJSON or CSV')
    .addOption(
      new Option('--format <format>', 'of the file; default: by its name').choices(['ndjson', 'csv']),
    )
    .option('--output <file>', 'a new file; default: stdout')
    .action(async (name, options) =>
      done(await (await import('./dlq.js')).dlqExportCommand(context, name, options)),
    );
  queue('replay <name> [file]', 'run corrected records through the pipeline as it is now, exactly once')
    .option('--over-newer', 'also where a newer run has loaded the pipeline since')
    .option('--detach', 'start the run and return; other workers do the work')
    .option('--no-worker', 'run no worker in this process; other workers do the work')
    .action(async (name, file, options) =>
      done(await (await import('./replay.js')).replayCommand(context, name, file, options)),
    );
  queue('discard <name>', 'give up the records of a run')
    .addOption(new Option('--all', 'of every run of the pipeline').conflicts('runKey'))
    .action(async (name, options) =>
      done(await (await import('./dlq.js')).dlqDiscardCommand(context, name, options)),
    );
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function readVersion(): string {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the one source of the version
  const manifest = require(join(PACKAGE_DIR, 'package.json')) as { version: string };
  return manifest.version;
}

/**
 * Runs this process's command line and ends the process with its exit code.
 * @param onInterrupt from the start file, which catches signals before it loads this one
 */
export function startProcess(onInterrupt: OnInterrupt = catchSignals()): void {
  const { stdout, stderr, env } = process;
  // Nobody reads any more (`… | head`, a terminal that was closed): the command still ends its work in order.
  for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
  void main(process.argv.slice(2), { stdout, stderr, env, cwd: process.cwd(), onInterrupt }).then((code) => {
    process.exitCode = code;
    // Native threads of the SDK would keep a finished command running.
    stdout.write('', () => stderr.write('', () => process.exit(code)));
  });
}

if (require.main === module) startProcess();
