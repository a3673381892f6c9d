/** The options of a plugin that have a kind, at any depth: also in lists, records and sections. */
import { z } from 'zod';
import { kindOfOption, type OptionKind } from '../../plugin/options';
import type { Path } from './problems';

export interface FoundOption {
  kind: OptionKind;
  /** From the options of the plugin. */
  path: Path;
  value: unknown;
}

/** @param value as written or parsed; parts of another shape are ignored */
export function findOptions(schema: z.ZodType, value: unknown, path: Path = []): FoundOption[] {
  if (value === undefined) return [];
  const kind = kindOfOption(schema);
  if (kind !== undefined) return [{ kind, path, value }];
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion) {
    return inner.options.flatMap((option) => {
      // Where a text is allowed too, only {secret: NAME} is a secret.
      const isOther = typeof value === 'string' && option instanceof z.ZodObject;
      return isOther ? [] : findOptions(option as z.ZodType, value, path);
    });
  }
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value);
  const at = (key: string | number, field: unknown, one: unknown): FoundOption[] =>
    field === undefined ? [] : findOptions(field as z.ZodType, one, [...path, key]);
  if (inner instanceof z.ZodArray)
    return entries.flatMap(([key, one]) => at(Number(key), inner.element, one));
  if (inner instanceof z.ZodRecord) return entries.flatMap(([key, one]) => at(key, inner.valueType, one));
  if (!(inner instanceof z.ZodObject)) return [];
  const shape = inner.shape as Record<string, unknown>;
  return entries.flatMap(([key, one]) => (Object.hasOwn(shape, key) ? at(key, shape[key], one) : []));
}

/** The schema inside optional(), default(), transform(), preprocess() and the like. */
function unwrap(schema: z.ZodType): z.ZodType {
  const { innerType, in: input, out } = schema.def as Partial<Record<'innerType' | 'in' | 'out', z.ZodType>>;
  const inner = innerType ?? (input instanceof z.ZodTransform ? out : input);
  return inner ? unwrap(inner) : schema;
}
