/** What a user may expect of every command that cannot do what it was asked. */
import type { ErrorCode } from '../../pipeline/errors';
import type { ErrorReport, RunReport } from '../../pipeline/report';
import type { Outcome, Project } from './project';

export interface Refusal {
  exit: number;
  code: ErrorCode;
  /** Each must stand in the text on stderr. */
  says: readonly (string | RegExp)[];
}

/**
 * Runs the pipeline in vain: the exit code, one JSON document on stdout and nothing else, the reason on stderr as
 * text without a stack, the target as it was before, and nothing left behind but the parts that the run had staged.
 * @returns the run report, or what stands in its place when no run was started
 */
export async function expectRefusal(
  project: Project,
  refusal: Refusal,
  argv: readonly string[] = ['run', project.name],
): Promise<Partial<RunReport>> {
  const before = project.rows();
  const outcome = await project.flexetl(...argv, '--json');
  const report = expectError(outcome, refusal);
  expect(project.rows()).toEqual(before);
  expect(project.leftovers().filter((path) => !isKept(project, report, path))).toEqual([]);
  return report;
}

/** A failed run keeps its staged parts and the files that its workers share; never scratch, never staging tables. */
function isKept(project: Project, { run_key }: Partial<RunReport>, path: string): boolean {
  const run = `.flexetl/staging/test/${project.name}/${run_key}`;
  return path === run || ['parts', 'shared'].some((kept) => `${path}/`.startsWith(`${run}/${kept}/`));
}

/** @returns the JSON on stdout */
export function expectError(outcome: Outcome, { exit, code, says }: Refusal): Partial<RunReport> {
  expect({ exit: outcome.exit, stderr: outcome.stderr }).toEqual({
    exit,
    stderr: expect.stringContaining(`error ${code}: `) as string,
  });
  for (const text of says) {
    if (typeof text === 'string') expect(outcome.stderr).toContain(text);
    else expect(outcome.stderr).toMatch(text);
  }
  expect(outcome.stderr).not.toMatch(STACK);
  const report = JSON.parse(outcome.stdout) as Partial<RunReport>;
  expect((report.error as ErrorReport).code).toBe(code);
  return report;
}

const STACK = /^\s+at .+[:(]/m;
