/** Checks of the input as a whole over CSV texts, through extract and validate. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { validateRun } from '../../engine/validate';
import { detailsOf } from '../../pipeline/error-details';
import { FlexetlError } from '../../pipeline/errors';
import { checks } from '../../pipeline/checks/index';
import { checkSettings } from '../../pipeline/checks/policy';
import { findPlugin, optionsOf } from '../../pipeline/config/schema';
import type { CheckReport } from '../../pipeline/report';
import { createTestDeps, stageAll, type EngineInput } from './engine';

const run = { project: 'test', pipeline: 'p', runKey: 'k' };

export interface Judged {
  /** Of the checks that the pipeline file names, in their order. */
  results: CheckReport[];
  /** The message that ends the run; absent when all checks have passed. */
  message?: string;
  code?: string;
  /** `file:line column value reason` of the first rows that fail. */
  places?: string[];
}

export interface CheckInput extends Omit<EngineInput, 'quality_checks'> {
  /** As in a pipeline file. */
  checks: readonly { type: string; [option: string]: unknown }[];
  /** Texts of other files by path. */
  files?: Readonly<Record<string, string>>;
}

export async function judgeInput({ checks: uses, files = {}, ...input }: CheckInput): Promise<Judged> {
  const deps = createTestDeps();
  for (const [path, text] of Object.entries(files)) {
    const file = join(deps.settings.projectDir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const quality_checks = uses.map(({ type, ...all }) => {
    const isSetting = ([key]: [string, unknown]): boolean => Object.hasOwn(checkSettings.shape, key);
    const entries = Object.entries(all);
    const own = Object.fromEntries(entries.filter((entry) => !isSetting(entry)));
    const settings = Object.fromEntries(entries.filter(isSetting));
    return { type, options: optionsOf(findPlugin(checks, type)).parse(own), settings };
  });
  const names = new Set(uses.map(({ type }) => type));
  const own = (reports: readonly CheckReport[]): CheckReport[] =>
    reports.filter(({ name }) => names.has(name));
  try {
    return await stageAll(
      { ...input, quality_checks },
      async ({ context }) => ({ results: own((await validateRun(deps, { run }, context)).checks) }),
      deps,
    );
  } catch (error) {
    if (!(error instanceof FlexetlError)) throw error;
    const { code, message } = error;
    const places = error.places.map(({ file, line, column, value, reason }) =>
      [`${file}:${line}`, column, value, reason].filter((one) => one !== null).join(' '),
    );
    return { code, message, places, results: own(detailsOf(error).checks ?? []) };
  }
}

/** What the one check says. */
export async function verdictOf(
  csv: EngineInput['csv'],
  check: CheckInput['checks'][number],
  more: Partial<CheckInput> = {},
): Promise<string> {
  const { message = 'passed' } = await judgeInput({ csv, checks: [check], ...more });
  return message.replace(`${check.type}: `, '');
}
