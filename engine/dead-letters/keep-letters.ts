/**
 * Keeps the records of a run that are quarantined: as a queue of its own, or, for a replay, as those that stay in the
 * queue. It is written before anything is published, and seen when the run is.
 */
import { copyFile, link, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DeadLetter, KeptPart, KeptParts, QueueHead, StagedLetter } from '../../pipeline/dead-letter';
import { FlexetlError } from '../../pipeline/errors';
import type { RunReport } from '../../pipeline/report';
import type { Evidence } from '../../pipeline/schema';
import { readParquet } from '../../pipeline/sql';
import { planTransforms } from '../../pipeline/transforms/plan';
import type { Schema } from '../../pipeline/types';
import {
  draftDir,
  keptFile,
  lettersFile,
  queuePath,
  readHead,
  writeHead,
  writeLetters,
} from '../../runtime/dead-letters/queue';
import { writeFailed } from '../../runtime/dead-letters/replays';
import { withDuckdb } from '../../runtime/duckdb';
import { makeFolders } from '../../runtime/folders';
import { projectPath } from '../../runtime/settings';
import { checksumFile } from '../../runtime/staging/checksum';
import { explainFull } from '../../runtime/staging/parts';
import type { RunRef } from '../../runtime/staging/store';
import type { StepContext } from '../context';
import type { Deps } from '../deps';
import type { ExtractedPart } from '../parts';
import { sessionOptions, type RunPlan } from '../plan';
import { pluginsOf } from '../resolve-config';
import { wholeLetters } from '../whole-parts';
import { findQueue, lettersOfPartition } from './letters-source';
import { digestTransforms, replayMode } from './mode';

/** All parts of a run, extracted. */
export interface Extracted {
  run: RunRef;
  plan: RunPlan;
  /** Of the staged rows, final. */
  schema: Schema;
  evidence: Evidence;
  parts: readonly ExtractedPart[];
}

export interface KeptLetters {
  path: string;
  warnings: readonly string[];
}

/**
 * @param found what is quarantined; undefined: nothing
 * @returns where it is seen after the publish; undefined where there is nothing to see
 * @throws FlexetlError DISK_FULL, PATH_UNWRITABLE
 */
export async function keepLetters(
  deps: Deps,
  extracted: Extracted,
  found: Pick<RunReport['dead_letter'], 'records' | 'by_rule'> | undefined,
  context: StepContext,
): Promise<KeptLetters | undefined> {
  const { config } = extracted.plan;
  const { letters: replay } = config.source;
  const root = config.fault_tolerance.dead_letter_queue.path;
  const path = replay?.queue ?? queuePath(root, extracted.run.pipeline, extracted.run.runKey);
  try {
    if (replay) {
      const { dir } = await findQueue(replay, context.projectDir);
      await writeFailed(dir, replay.number, lettersAgain(deps, extracted, context));
      return found && { path, warnings: [] };
    }
    await rm(draftDir(context.projectDir, path), { recursive: true, force: true });
    return found && (await writeQueue(deps, extracted, { ...found, path }, context));
  } catch (error) {
    throw explainUnwritable(error, path);
  }
}

/** Of a replay: the letters that fail again, with their numbers and what they fail now. */
async function* lettersAgain(
  deps: Deps,
  extracted: Extracted,
  context: StepContext,
): AsyncGenerator<DeadLetter> {
  const { plan, parts } = extracted;
  for (const { index, receipt } of parts) {
    if (receipt.rejected === 0) continue;
    const asked = await lettersOfPartition(plan.survey, index, context);
    for await (const { failures, place } of stagedLetters(deps, extracted, index, context)) {
      const letter = asked[place.row];
      if (letter) yield { ...letter, failures, config_digest: plan.digest };
    }
  }
}

async function writeQueue(
  deps: Deps,
  extracted: Extracted,
  found: { path: string; records: number; by_rule?: QueueHead['by_rule'] },
  context: StepContext,
): Promise<KeptLetters> {
  const { run, plan, schema, evidence, parts } = extracted;
  const { path, records, by_rule = {} } = found;
  const steps = planTransforms(plan.config.transformations, schema, pluginsOf(deps, plan.config).transforms);
  const mode = replayMode(deps, plan.config, steps);
  const warnings =
    typeof mode === 'string' ? [] : [`The dead letters of this run cannot be replayed: ${mode.refused}.`];
  // It was published: a retry loads what is missing of its targets.
  const before = await readHead(projectPath(context.projectDir, path));
  if (before?.content === plan.content.digest) return { path, warnings };
  const dir = draftDir(context.projectDir, path);
  await writeLetters(lettersFile(dir), lettersOf(deps, extracted, context));
  const kept = mode === 'whole' && { kept: await keepParts(dir, extracted) };
  const head: QueueHead = {
    version: 1,
    pipeline: run.pipeline,
    run_key: run.runKey,
    content: plan.content.digest,
    config_digest: plan.digest,
    created_at: new Date().toISOString(),
    read: parts.reduce((sum, { receipt }) => sum + receipt.rows + receipt.rejected, 0),
    records,
    by_rule,
    columns: plan.survey.columns,
    evidence: [...evidence],
    ...kept,
  };
  await writeHead(dir, head);
  return { path, warnings };
}

async function* lettersOf(
  deps: Deps,
  extracted: Extracted,
  context: StepContext,
): AsyncGenerator<DeadLetter> {
  const { run, plan, parts } = extracted;
  const of = { pipeline: run.pipeline, run_key: run.runKey, config_digest: plan.digest };
  let letter = 0;
  for (const { index, receipt } of parts) {
    if (receipt.rejected === 0) continue;
    for await (const staged of stagedLetters(deps, extracted, index, context)) {
      letter += 1;
      const { place, ...rest } = staged;
      yield { letter, ...rest, ...of, place };
    }
  }
}

async function* stagedLetters(
  deps: Deps,
  { run, plan }: Extracted,
  part: number,
  context: StepContext,
): AsyncGenerator<StagedLetter> {
  const path = await wholeLetters(deps, run, part, context);
  // One file, whose size is bounded by that of its partition.
  const texts = await withDuckdb(sessionOptions(plan.config, context), (db) =>
    db.all(`SELECT letter FROM ${readParquet(path)}`),
  );
  for (const { letter } of texts) yield JSON.parse(String(letter)) as StagedLetter;
}

/** The staged parts, so that a replay can put corrected records among their rows. */
async function keepParts(dir: string, { plan, schema, parts }: Extracted): Promise<KeptParts> {
  const kept: KeptPart[] = [];
  for (const { index, receipt, path } of parts) {
    const { kind, rows, rejected, types } = receipt;
    const file = keptFile(dir, index);
    makeFolders(dirname(file), 0o700);
    await rm(file, { force: true });
    await link(path, file).catch(() => copyFile(path, file));
    kept.push({ kind, rows, rejected, types, ...(await checksumFile(file)) });
  }
  const hasGroups = kept.some(({ kind }) => kind === 'groups');
  return {
    columns: schema.map(({ name }) => name),
    ...(hasGroups && { transforms: digestTransforms(plan.config) }),
    parts: kept,
  };
}

function explainUnwritable(error: unknown, path: string): unknown {
  const explained = explainFull(error);
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (explained !== error || !['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code ?? ''))
    return explained;
  return new FlexetlError('PATH_UNWRITABLE', {
    message: `The dead-letter queue cannot be written to ${path}: ${code}.`,
    hint: 'Make the folder writable, or set fault_tolerance.dead_letter_queue.path to one that is.',
    cause: error,
  });
}
