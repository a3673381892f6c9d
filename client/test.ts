/** `flexetl test`: runs the tests of pipelines through the engine; needs no server, writes to no target. */
import { readFile, writeFile } from 'node:fs/promises';
import { runFixture } from '../engine/fixture';
import type { Rehearsed } from '../engine/rehearse';
import { FlexetlError } from '../pipeline/errors';
import { compareOutcome } from '../pipeline/fixtures/compare';
import { parseFixtureFile, type Fixture } from '../pipeline/fixtures/fixture-file';
import { recordExpected } from '../pipeline/fixtures/record';
import { many } from '../pipeline/markdown';
import { fixturePath, listPipelines } from '../runtime/config-file';
import { projectPath } from '../runtime/settings';
import { ignoreMissing } from '../runtime/staging/durable-file';
import { EXIT, type CommandContext } from './context';
import { selectPipelines, type AskedPipeline, type SelectOptions } from './load-pipeline';
import { printError, printJson, printLine, printNote } from './print';
import { withScratchEngine } from './rehearsal';

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
      const fixtures = { text, file, record: options.record === true };
      results.push(...(await runTests(context, load, fixtures)));
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
  load: AskedPipeline['load'],
  { text, file, record }: { text: string; file: string; record: boolean },
): Promise<TestResult[]> {
  const fixtures = parseFixtureFile(text, file);
  const env = { ...context.settings.env, ...fixtures.env };
  const { config } = await load(env);
  const results: TestResult[] = [];
  const recorded = new Map<number, Rehearsed>();
  if (!context.json) printLine(context, config.name);
  await withScratchEngine(context, env, async (deps, world) => {
    for (const [index, fixture] of fixtures.tests.entries()) {
      const found = await runFixture(deps, config, fixture, index, world);
      const isNew = record && fixture.expect === undefined;
      if (isNew) recorded.set(index, found);
      const differences = isNew ? [] : compare(fixture, found);
      const passed = differences.length === 0;
      const result = { pipeline: config.name, test: fixture.name, passed, differences };
      results.push(result);
      if (!context.json) printResult(context, result, isNew);
    }
  });
  if (recorded.size > 0) {
    await writeFile(projectPath(context.settings.projectDir, file), recordExpected(text, recorded));
    printNote(context, `Wrote what came out into ${file}. Check that it is right.`);
  }
  return results;
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
