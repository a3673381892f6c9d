/**
 * The JSON Schema of pipeline files, for editors: built from the zod schemas, so it knows every plugin.
 * It describes what the parser accepts, without the checks that need more than one value.
 */
import { z } from 'zod';
import type { OptionKind } from '../../plugin/options';
import { createConfigSchema, type Plugins } from './schema';

/** The keywords that our schemas use. */
export interface JsonSchema {
  $schema?: string;
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  minItems?: number;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  definitions?: Record<string, JsonSchema>;
  /** A text is short for an object with that type. */
  shorthand?: boolean;
  /** The kind of an option, see plugin/options.ts. */
  flexetl?: OptionKind;
}

/** The schema of a whole file: sections under `pipeline:` or at the top level, `target:` or `targets:`. */
export function buildJsonSchema(plugins: Plugins): JsonSchema {
  const { version, ...sections } = describeSections(plugins);
  const definitions: Record<string, JsonSchema> = {};
  const places: Record<string, JsonSchema> = {};
  for (const [key, section] of Object.entries({ ...sections, target: targetSection(sections.targets) })) {
    definitions[key] = forEditors(section);
    places[key] = { $ref: `#/definitions/${key}` };
  }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'FlexETL pipeline',
    description: 'One pipeline: where rows come from, what is done to them, where they go.',
    type: 'object',
    properties: {
      ...(version && { version }),
      pipeline: {
        description: 'The sections of the pipeline; each may stand at the top level instead.',
        type: 'object',
        properties: places,
        additionalProperties: false,
      },
      ...places,
    },
    required: ['version'],
    additionalProperties: false,
    definitions,
  };
}

/** The schema of each section in canonical form, by key, in the order of the file. */
export function describeSections(plugins: Plugins): Record<string, JsonSchema> {
  return describeOptions(createConfigSchema(plugins)).properties ?? {};
}

/** The schema of a plugin's own options. */
export function describeOptions(options: z.ZodType): JsonSchema {
  return z.toJSONSchema(options, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    reused: 'inline',
    override: ({ jsonSchema }) => tidy(jsonSchema as JsonSchema),
  }) as JsonSchema;
}

/** Removes what zod adds and readers do not need. */
function tidy(schema: JsonSchema): void {
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  const { default: value } = schema;
  if (value !== null && typeof value === 'object' && Object.keys(value).length === 0) delete schema.default;
}

function targetSection(targets: JsonSchema | undefined): JsonSchema {
  return { description: 'Where the result goes: one target.', ...targets?.items };
}

/**
 * For an editor `chunk_size: ${N}` is a text: scalars accept `${…}` too, except in secrets. The kind of an option
 * becomes its title.
 */
function forEditors(schema: JsonSchema): JsonSchema {
  const { flexetl, shorthand = false, ...plain } = schema;
  if (flexetl !== undefined) return { title: flexetl, ...plain };
  if (shorthand) return { anyOf: [{ type: 'string' }, forEditors(plain)] };
  const { properties, items, anyOf, oneOf, additionalProperties, ...rest } = plain;
  const isScalar = rest.enum !== undefined || ['integer', 'number', 'boolean'].includes(String(rest.type));
  if (isScalar) {
    const { description, default: value, ...constraint } = rest;
    return {
      ...(description !== undefined && { description }),
      ...(value !== undefined && { default: value }),
      anyOf: [constraint, { type: 'string', pattern: '\\$\\{' }],
    };
  }
  return {
    ...rest,
    ...(properties && { properties: mapValues(properties, forEditors) }),
    ...(items && { items: forEditors(items) }),
    ...(anyOf && { anyOf: anyOf.map(forEditors) }),
    ...(oneOf && { oneOf: oneOf.map(forEditors) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'object' ? forEditors(additionalProperties) : additionalProperties,
    }),
  };
}

function mapValues<V, W>(record: Record<string, V>, change: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
