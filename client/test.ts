/** `flexetl test`: runs the tests of pipelines through the engine; needs no server, writes to no target. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createDeps } from '../engine/deps';
import { runFixture } from '../engine/fixture';
import type { Rehearsed } from '../engine/rehearse';
import { parseConfig } from '../engine/resolve-config';
import { FlexetlError } from '../pipeline/errors';
import { compareOutcome } from '../pipeline/fixtures/compare';
import { parseFixtureFile, type Fixture } from '../pipeline/fixtures/fixture-file';
import { recordExpected } from '../pipeline/fixtures/record';
import { fixturePath, listPipelines } from '../runtime/config-file';
import { projectPath } from '../runtime/settings';
import { ignoreMissing } from '../runtime/staging/durable-file';
import { PLUGINS } from '../worker/plugins';
import { EXIT, type CommandContext } from './context';
import { selectPipelines, type SelectOptions } from './load-pipeline';
import { many, printError, printJson, printLine, printNote } from './print';
import { interruptedBy } from './signals';

export interface TestOptions extends SelectOptions {
  /** Write what came out as what is expected, where nothing is expected yet. */
  record?: boolean;
}

interface TestResult {
  pipeline: string;
  test: string;
  passed: boolean;
  differences: readonly string[];
}

export async function testCommand(
  context: CommandContext,
  names: readonly string[],
  options: TestOptions,
): Promise<number> {
  const isOpen = names.length === 0 && !options.select?.length && options.config === undefined;
  const asked = await selectPipelines(context, names, { ...options, ...(isOpen && { all: true }) });
  const results: TestResult[] = [];
  let exit: number = EXIT.done;
  let files = 0;
  for (const { name, load } of asked) {
    try {
      const file = fixturePath(name);
      const text = await readFile(projectPath(context.settings.projectDir, file), 'utf8').catch(
        ignoreMissing,
      );
      if (text === undefined && (isOpen || options.all)) continue;
      if (text === undefined) throw noTests(name, file);
      files += 1;
      const pipeline = await load();
      const found = await runTests(context, pipeline, { text, file, record: options.record === true });
      results.push(...found);
    } catch (error) {
      if (!(error instanceof FlexetlError)) throw error;
      exit = printError({ ...context, json: false }, error);
    }
  }
  const failed = results.filter(({ passed }) => !passed).length;
  if (context.json) printJson(context, results);
  else if (files === 0 && exit === EXIT.done) {
    const [first = '<name>'] = await listPipelines(context.settings.projectDir);
    printNote(context, `No pipeline has tests yet: write ${fixturePath(first)}. docs/testing.md shows how.`);
  } else
    printLine(
      context,
      `\n${many(results.length, 'test')}: ${results.length - failed} passed, ${failed} failed`,
    );
  return exit === EXIT.done && failed > 0 ? EXIT.checkFailed : exit;
}

/** Runs the tests of one pipeline, and prints each result when it is there. */
async function runTests(
  context: CommandContext,
  {
    text: written,
    file: configFile,
    overrides,
  }: { text: string; file: string; overrides: readonly string[] },
  { text, file, record }: { text: string; file: string; record: boolean },
): Promise<TestResult[]> {
  const { tests, env } = parseFixtureFile(text, file);
  const stagingDir = await mkdtemp(join(tmpdir(), 'flexetl-'));
  const controller = new AbortController();
  const stopInterrupt = context.onInterrupt((signal) => controller.abort(interruptedBy(signal)));
  const settings = { ...context.settings, env: { ...context.settings.env, ...env }, stagingDir };
  const deps = createDeps(settings, PLUGINS, pino({ level: 'silent' }));
  const config = parseConfig(deps, { text: written, file: configFile, overrides });
  const world = { signal: controller.signal, progress: () => undefined };
  const results: TestResult[] = [];
  const recorded = new Map<number, Rehearsed>();
  if (!context.json) printLine(context, config.name);
  try {
    for (const [index, fixture] of tests.entries()) {
      const found = await runFixture(deps, config, fixture, index, world);
      const isNew = record && fixture.expect === undefined;
      if (isNew) recorded.set(index, found);
      const differences = isNew ? [] : compare(fixture, found);
      const result = {
        pipeline: config.name,
        test: fixture.name,
        passed: differences.length === 0,
        differences,
      };
      results.push(result);
      if (!context.json) printResult(context, result, isNew);
    }
    if (recorded.size > 0) {
      await writeFile(projectPath(settings.projectDir, file), recordExpected(text, recorded));
      printNote(context, `Wrote what came out into ${file}. Check that it is right.`);
    }
    return results;
  } finally {
    stopInterrupt();
    await rm(stagingDir, { recursive: true, force: true });
  }
}

function compare({ expect, ordered }: Fixture, found: Rehearsed): string[] {
  if (!expect) return ['it expects nothing: run `flexetl test --record`, and check what it writes'];
  return compareOutcome(expect, found, ordered);
}

function printResult(
  context: CommandContext,
  { test, passed, differences }: TestResult,
  isNew: boolean,
): void {
  printLine(context, `  ${passed ? '✔' : '✘'} ${test}${isNew ? ' (recorded)' : ''}`);
  for (const line of differences) printLine(context, `      ${line}`);
}

function noTests(name: string, file: string): FlexetlError {
  return new FlexetlError('USAGE', {
    message: `The pipeline ${name} has no tests: there is no ${file}.`,
    hint: 'docs/testing.md shows how to write them.',
  });
}
