/** What a run asks its targets to hold: the digests and words by which they know a load again. */
import { digestOf } from '../pipeline/config/parse';
import { findPlugin, optionsOf, type PipelineConfig, type Plugins } from '../pipeline/config/schema';
import { count } from '../pipeline/markdown';
import { kindOfOption } from '../plugin/options';
import type { SourceSurvey } from '../plugin/source';
import type { LoadKey, Target } from '../plugin/target';
import type { RunRef } from '../runtime/staging/store';
import type { Content, RunPlan } from './plan';

/**
 * Everything that decides which rows the output has, and nothing else: no log level, no sizes of partitions, no targets.
 * The final types are not part of it: they follow from the rest.
 */
export function describeContent(plugins: Plugins, config: PipelineConfig, survey: SourceSurvey): Content {
  const { type, options, letters } = config.source;
  const source = findPlugin(plugins.sources, type);
  // The files themselves count, not how their path is written.
  const isCounted = (name: string): boolean => {
    const field = optionsOf(source).shape[name] as Parameters<typeof kindOfOption>[0] | undefined;
    return source.kind === 'records' || field === undefined || kindOfOption(field) !== 'path';
  };
  const counted = Object.entries(options).filter(([name]) => isCounted(name));
  const files = survey.files.map(({ path, content, fingerprint }) => [path, content ?? fingerprint]);
  const input = digestOf(files);
  // What is new is another thing in every run: the state tells what is loaded, and a key is that of one publish.
  const isIncremental = !letters && source.incremental?.(options) !== undefined;
  const { transformations, validation } = config;
  const pipeline = digestOf({ type, options: Object.fromEntries(counted), transformations, validation });
  const bytes = survey.files.reduce((sum, file) => sum + file.bytes, 0);
  const [first, ...others] = survey.files;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  const read = first
    ? `${first.path}${more} (${count(bytes)} bytes, digest ${short(input)})`
    : `source ${type}`;
  return {
    digest: digestOf(isIncremental ? [pipeline] : [input, pipeline]),
    words: `${read} by pipeline ${short(pipeline)}`,
  };
}

/** The identity of a plan: an attempt with another one continues nothing. */
export function digestPlan(plan: Omit<RunPlan, 'id'>): string {
  return short(digestOf(plan), 32);
}

/** The key of the loads of a target in its ledger. */
export function loadKeyOf(
  { content, id }: RunPlan,
  { project, pipeline, runKey }: RunRef,
  target: Target<unknown>,
  options: unknown,
): LoadKey {
  const mode = target.mode(options);
  return {
    project,
    pipeline,
    runKey,
    digest: short(digestOf([content.digest, target.type, target.writing(options)]), 32),
    plan: id,
    content: `${content.words}, mode ${mode}`,
  };
}

/** @param digest as in `sha256:…` */
function short(digest: string, digits = 8): string {
  return digest.replace('sha256:', '').slice(0, digits);
}
