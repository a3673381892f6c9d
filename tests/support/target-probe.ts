/** A project of its own for each law of targets, and short words for what is done to the target in it. */
import { match, ok } from 'node:assert';
import { INTEGER, STRING, type Schema } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import type { Position } from '../../plugin/source';
import type {
  LoadKey,
  OpenTarget,
  StateKey,
  StateToSave,
  Target,
  TargetCapabilities,
} from '../../plugin/target';
import { makeFolder } from './folder';
import { contextOf, LOAD_KEY, makePart, type TextRow } from './parts';

export type Mode = TargetCapabilities['modes'][number];

/** A target, and what the suite must know beyond its interface. */
export interface TargetCase {
  target: Target<unknown>;
  /** Options as in the pipeline file, without `type`, relative to the project. */
  options(mode: Mode): Record<string, unknown>;
  /**
   * The rows that another reader than the target finds, as texts; null where there is no table.
   * Booleans are `true` and `false`.
   */
  read(projectDir: string, schema: Schema): Promise<TextRow[] | null>;
  /** What is left of loads that are not published: tables, files; empty when all is gone. */
  leftovers(projectDir: string): Promise<string[]>;
  /** What a user does who drops the table. */
  drop(projectDir: string): Promise<unknown>;
  /** Nothing at all was made. */
  isUntouched(projectDir: string): boolean | Promise<boolean>;
  /** The value of the one secret that the options name. */
  secret?(projectDir: string): Promise<string>;
  /** Its database has no such text; as a rule one has every text. */
  lacksNul?: true;
  /** Its rows have an order: that of the parts. */
  ordered: boolean;
}

export const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
];
export const OLD: TextRow[] = [['1', 'old']];
export const NEW: TextRow[] = [
  ['2', 'new'],
  ['3', null],
];
export const KEY: LoadKey = LOAD_KEY;
export const OTHER_KEY: LoadKey = { ...KEY, runKey: 'run-0' };
export const STATE_KEY: StateKey = { project: KEY.project, pipeline: KEY.pipeline, source: 'of these data' };

export type Probe = ReturnType<typeof createProbe>;

interface Call {
  key?: LoadKey;
  part?: number;
  mode?: Mode;
  schema?: Schema;
}

interface PublishCall extends Call {
  rows?: number;
  state?: Position;
  source?: string;
  /** Further states. */
  also?: readonly StateToSave[];
}

/** A project of its own, and short words for what is done to the target in it. */
export function createProbe({ target, options, ordered, ...reader }: TargetCase) {
  const dir = makeFolder();
  const { modes, lane } = target.capabilities;
  const open = (
    mode: Mode = 'replace',
    context: { signal?: AbortSignal; progress?: () => void } = {},
  ): OpenTarget =>
    target.open(target.options.parse(options(mode)), { ...contextIn(dir, reader), ...context });
  const load = async (rows: TextRow[], { key = KEY, part, mode, schema = SCHEMA }: Call = {}) =>
    (await open(mode).load(key, await makePart(schema, rows, part))).rows;
  const publish = ({
    key = KEY,
    mode,
    schema = SCHEMA,
    rows,
    state,
    source,
    also = [],
  }: PublishCall = {}) => {
    const toSave = state === undefined ? [] : [{ source: source ?? STATE_KEY.source, state }];
    return open(mode).publish(key, schema, rows, [...toSave, ...also]);
  };
  const read = (schema = SCHEMA) => reader.read(dir, schema);
  return {
    begin: (key = KEY, anyRun = false) => open().begin(key, anyRun),
    stateOf: async (other: Partial<StateKey> = {}) =>
      (await open('append').state({ ...STATE_KEY, ...other }))?.state,
    dropTable: () => reader.drop(dir),
    modes,
    lane,
    lacksNul: reader.lacksNul === true,
    open,
    load,
    publish,
    read,
    leftovers: () => reader.leftovers(dir),
    untouched: () => reader.isUntouched(dir),
    async publishOld(key = OTHER_KEY): Promise<void> {
      await load(OLD, { key });
      await publish({ key });
    },
    async assertRows(expected: TextRow[], schema = SCHEMA): Promise<void> {
      const canonical = (rows: TextRow[]): string[] => {
        const texts = rows.map((row) =>
          JSON.stringify(row.map((text, at) => canonicalText(text, schema[at]))),
        );
        return ordered ? texts : texts.sort();
      };
      const found = await read(schema);
      assertSame(found && canonical(found), canonical(expected));
    },
  };
}

/** The world as the target of a case sees it in a folder. */
export function contextIn(dir: string, { secret }: Pick<TargetCase, 'secret'>): PluginContext {
  return { ...contextOf(dir), ...(secret && { secret: () => secret(dir) }) };
}

/** Fractions are the same with any zeros at their end; anything else is the same text. */
function canonicalText(text: string | null, column: Schema[number] | undefined): string | null {
  const kind = column?.type.kind;
  if (text === null || (kind !== 'decimal' && kind !== 'timestamp')) return text;
  if (kind === 'decimal') match(text, /^-?\d+(\.\d+)?$/);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** Not `deepStrictEqual`: what comes from a thread has the prototypes of another realm. */
export function assertSame(found: unknown, expected: unknown): void {
  const [foundText, expectedText] = [found, expected].map((value) => JSON.stringify(value));
  ok(
    foundText === expectedText,
    `found ${foundText?.slice(0, 500)}, expected ${expectedText?.slice(0, 500)}`,
  );
}
