/** The options of the API source that say how pages follow each other. */
import { z } from 'zod';
import { jsonPath } from './json-document';
import { path } from './request-options';

const stop = z
  .strictObject({
    empty_page: z
      .boolean()
      .optional()
      .describe(
        'A page without records is the last one. Default: true for page and offset, false for others.',
      ),
    short_page: z.boolean().default(false).describe('A page with fewer records than `size` is the last one.'),
    total_path: path()
      .optional()
      .describe(
        'JSONPath of the number of all records. Reading ends when they are there; another number, or fewer records, is an error.',
      ),
    max_pages: z.int().min(1).optional().describe('Reading ends after so many pages of a list.'),
  })
  .default({ short_page: false });

const keys = z.strictObject({
  type: z
    .enum(['none', 'page', 'offset', 'cursor', 'link_header', 'next_url'])
    .default('none')
    .describe('How the next page is asked for.'),
  in: z
    .enum(['query', 'header', 'body', 'path'])
    .default('query')
    .describe('Where the page, offset or cursor goes; `path`: `{name}` in the url.'),
  name: z
    .string()
    .min(1)
    .optional()
    .describe('Its name there; in a body a path as in `paging.after`. Default: `page` or `offset`.'),
  from: z
    .string()
    .optional()
    .describe(
      'Where the cursor or address of the next page comes from: `$.path`, `header:Name`, or of the last record `last_record:$.id`.',
    ),
  start: z
    .union([z.int().min(0), z.string()])
    .optional()
    .describe('The first page, offset or cursor. Default: page 1, offset 0, no cursor.'),
  size: z.int().min(1).optional().describe('Records of a full page.'),
  size_name: z.string().min(1).optional().describe('The name under which `size` is sent, in the same place.'),
  overlap: z
    .enum(['error', 'allow'])
    .default('error')
    .describe(
      'Of page and offset: the last record of a page is on the next one too. The list has moved, unless records without a key of their own are equal.',
    ),
  stop: stop.describe('When the last page is reached.'),
});

export type Pagination = z.infer<typeof keys>;

export const pagination = keys
  .superRefine((given, ctx) => {
    for (const [key, message] of problemsOf(given))
      ctx.addIssue({ code: 'custom', path: key.split('.'), message });
  })
  .default({ type: 'none', in: 'query', overlap: 'error', stop: { short_page: false } });

/** The name of the page, offset or cursor. */
export function nameIn({ type, name }: Pagination): string {
  return name ?? (type === 'offset' ? 'offset' : 'page');
}

function problemsOf({
  type,
  in: place,
  from,
  name,
  start,
  size,
  size_name,
  stop,
}: Pagination): [key: string, message: string][] {
  const problems: [string, string][] = [];
  const counted = type === 'page' || type === 'offset';
  if (type === 'cursor' && name === undefined) problems.push(['name', 'missing: a cursor has a name.']);
  const origin = from === undefined ? undefined : jsonPath.origin(from);
  if (origin !== undefined && 'problem' in origin) problems.push(['from', origin.problem]);
  if (type === 'cursor' && from === undefined)
    problems.push([
      'from',
      'missing: where the cursor comes from, as in $.next, header:Name or last_record:$.id.',
    ]);
  if (type === 'next_url' && from === undefined)
    problems.push(['from', 'missing: where the address comes from, as in $.next.']);
  if (from !== undefined && type !== 'cursor' && type !== 'next_url')
    problems.push(['from', `has no meaning with type: ${type}`]);
  if (counted && typeof start === 'string') problems.push(['start', 'must be a number']);
  if (!counted && type !== 'cursor') {
    if (start !== undefined) problems.push(['start', `has no meaning with type: ${type}`]);
    if (place !== 'query') problems.push(['in', `has no meaning with type: ${type}`]);
  }
  if ((stop.short_page || size_name !== undefined) && size === undefined)
    problems.push(['size', 'missing: short_page and size_name need it.']);
  if (counted && stop.empty_page === false && stop.total_path === undefined && stop.max_pages === undefined)
    problems.push(['stop.empty_page', 'must be true without total_path or max_pages: nothing would end it']);
  if (place === 'path' && size_name !== undefined)
    problems.push(['size_name', 'has no meaning with in: path; write it into the url or params.']);
  return problems;
}
