/** The text of a pipeline file that `flexetl init` writes: complete and commented. */
import type { ProposedColumn, Proposal } from '../engine/propose';
import { many } from '../pipeline/markdown';
import { isNumeric } from '../pipeline/types';

export interface InitText {
  name: string;
  /** `type`, `path`, and what was found of the file, as options. */
  source: Readonly<Record<string, unknown>>;
  target: Readonly<Record<string, unknown>>;
  proposal: Proposal;
  /** The target can update the rows whose key exists. */
  merges: boolean;
  /** The file has a JSON Schema beside it. */
  hasSchema: boolean;
}

export function writeInitText({ name, source, target, proposal, merges, hasSchema }: InitText): string {
  const { type, path, ...pins } = source;
  const lines = [
    ...(hasSchema ? ['# yaml-language-server: $schema=./pipeline.schema.json'] : []),
    '# Written by `flexetl init`. It works as it is; change what you like.',
    'version: "1.0"',
    '',
    'pipeline:',
    `  name: ${scalar(name)}`,
    '',
    '  source:',
    ...optionLines('    ', { type, path }),
    ...(Object.keys(pins).length > 0
      ? ['    # As found in the file. What is not written here is detected again in every run.']
      : []),
    ...optionLines('    ', pins),
    '',
    ...stepLines(proposal),
    '',
    ...schemaLines(proposal),
    '  targets:',
    ...optionLines('      ', target).map((line, index) =>
      index === 0 ? line.replace('      ', '    - ') : line,
    ),
    ...modeLines(proposal, merges),
  ];
  return `${lines.join('\n')}\n`;
}

/** Steps that work when their `#` is removed. */
function stepLines({ columns }: Proposal): string[] {
  const number = columns.find(({ type }) => isNumeric(type));
  return [
    '  # Steps that the rows go through, in this order. To use these, remove the #.',
    '  # transformations:',
    '  #   - type: drop_nulls',
    ...(number
      ? [
          '  #   - type: filter',
          `  #     column: ${value(number.name)}`,
          '  #     operator: ">"',
          '  #     value: 0',
        ]
      : []),
  ];
}

/** Declared only when every record fits: a declaration that was made from the head would refuse later ones. */
function schemaLines({ columns, complete, records, rejected }: Proposal): string[] {
  const declared = columns.filter(({ name, type }) => type.kind !== 'unknown' && !UNDECLARED.has(name));
  if (declared.length === 0) return [];
  const mark = complete ? '  ' : '  # ';
  const lines = declared.flatMap((column) => columnLines(column));
  const bad =
    rejected > 0
      ? [`  # ${many(rejected, 'record')} could not be read: a run is refused, and shows them.`]
      : [];
  return [
    ...bad,
    ...(complete
      ? [
          `  # From all ${many(records, 'record')}. A value that does not fit its type is rejected, with its place.`,
        ]
      : [
          `  # From the first ${many(records, 'record')}. Columns that are not declared get the narrowest type that`,
          '  # fits every value; one that is declared rejects what does not fit.',
        ]),
    ...['validation:', '  schema:', ...lines].map((line) => `${mark}${line}`),
    '',
  ];
}

function columnLines({ name, type, nulls }: ProposedColumn): string[] {
  const kind = type.kind === 'decimal' ? `decimal } # exact, with all digits of the input` : `${type.kind} }`;
  const note = nulls > 0 ? `${type.kind === 'decimal' ? ';' : ' #'} ${many(nulls, 'null')}` : '';
  return [`    ${scalar(name)}: { type: ${kind}${note}`];
}

function modeLines({ key, complete }: Proposal, merges: boolean): string[] {
  return [
    '      # replace: there are the rows of the last run only. append: they are added to those before.',
    '      mode: replace',
    ...(merges && key.length > 0
      ? [
          `      # ${complete ? 'No two records have' : 'So far no two records have'} the same ${key.map(value).join(' and ')}. If that is a key, this updates the rows`,
          '      # whose key exists, and adds the others:',
          '      # mode: merge',
          `      # primary_key: [${key.map(value).join(', ')}]`,
        ]
      : []),
  ];
}

/** Names that a pipeline file cannot have as keys. */
const UNDECLARED: ReadonlySet<string> = new Set(['__proto__', '<<']);

function optionLines(indent: string, options: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(options).map(([key, option]) => `${indent}${key}: ${value(option)}`);
}

/** In a value a `$` begins a variable of the environment, in a key it does not. */
function value(option: unknown): string {
  const escaped = JSON.stringify(option).replaceAll('$', '$$$$');
  return typeof option === 'string' ? scalar(JSON.parse(escaped) as string) : escaped;
}

/** A text as YAML: plain where that is surely a text; every JSON string is one of YAML. */
function scalar(text: string): string {
  const plain = /^[A-Za-z_](?:[A-Za-z0-9_./-]*[A-Za-z0-9_])?$/.test(text);
  if (plain && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)) return text;
  return /^[ -&(-~]*"[ -&(-~]*$/.test(text) ? `'${text}'` : JSON.stringify(text);
}
