/** Options for the forms that values have in a file: separators, signs, words, formats of dates. */
import { z } from 'zod';
import { explainFormat } from '../../pipeline/date-format';
import type { TextForms } from '../../pipeline/text-forms';
import type { TextRules } from '../../pipeline/types';

const words = (): z.ZodType<string[]> => z.array(z.string().min(1)).min(1);

/** A format for all columns, or one for each of some columns. */
function format(withTime: boolean) {
  const one = z.string().superRefine((text, context) => {
    const problem = explainFormat(text, withTime);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  });
  return one.or(z.record(z.string(), one)).optional();
}

/** Fields of the options of a source. */
export const formOptions = {
  decimal_separator: z.enum(['.', ',']).default('.').describe('The decimal point.'),
  thousands_separator: z
    .enum([',', '.', ' ', "'", '_'])
    .optional()
    .describe(
      'Between groups of digits, as in `1,234,567`; groups of two before the last one are read too, and a blank means blanks that do not break as well. When not set, such numbers are text.',
    ),
  number_signs: z
    .array(z.string().regex(/^(?![eE]$)[^0-9.,+\-\s]+$/, 'must be a sign such as €, % or EUR'))
    .min(1)
    .optional()
    .describe(
      'Signs beside numbers that are no part of them: with `["€", "%"]`, `€ 9.50` is 9.50 and `12 %` is 12. When not set, such numbers are text.',
    ),
  true_values: words().optional().describe('The words for true, instead of true, t, yes, y and 1.'),
  false_values: words().optional().describe('The words for false; needs true_values.'),
  date_format: format(false).describe(
    'As in strptime, such as `%d.%m.%Y`, instead of YYYY-MM-DD; for all columns, or `{column: format}`. Directives: %Y %y %m %d %b %B (English names) %a %A %F.',
  ),
  timestamp_format: format(true).describe(
    'The same for times, such as `%m/%d/%Y %I:%M %p`. Further directives: %H %I %p %M %S %f %z %T.',
  ),
};

type FormOptions = z.infer<z.ZodObject<typeof formOptions>>;

/** @returns what is wrong with the options together, by option */
export function explainForms(options: FormOptions): [path: string, message: string] | undefined {
  if (options.thousands_separator === options.decimal_separator)
    return ['thousands_separator', 'must differ from decimal_separator'];
  if ((options.true_values === undefined) !== (options.false_values === undefined))
    return ['true_values', 'needs false_values, and the other way round'];
  const both = options.true_values?.find((word) => options.false_values?.includes(word));
  return both === undefined ? undefined : ['false_values', `has a word of true_values: ${both}`];
}

/** The rules that the options make. */
export function textRules(options: FormOptions): TextRules {
  const { date_format, timestamp_format, ...forms } = options;
  const formats = { date_format, timestamp_format };
  const rules: TextRules = {
    decimal_separator: forms.decimal_separator,
    thousands_separator: forms.thousands_separator,
    number_signs: forms.number_signs,
    true_values: forms.true_values,
    false_values: forms.false_values,
  };
  const columns: Record<string, Partial<TextForms>> = Object.create(null) as Record<
    string,
    Partial<TextForms>
  >;
  for (const [name, given] of Object.entries(formats)) {
    if (typeof given === 'string') Object.assign(rules, { [name]: given });
    else
      for (const [column, text] of Object.entries(given ?? {}))
        columns[column] = { ...columns[column], [name]: text };
  }
  return Object.keys(columns).length === 0 ? rules : { ...rules, columns };
}

/** The columns that have a format of their own. */
export function formattedColumns({ date_format, timestamp_format }: FormOptions): string[] {
  return [date_format, timestamp_format].flatMap((given) =>
    typeof given === 'object' ? Object.keys(given) : [],
  );
}
