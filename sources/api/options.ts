/** The options of the API source. */
import { z } from 'zod';
import { incrementalByCursor } from '../../plugin/incremental';
import { auth } from './auth-options';
import { nameIn, pagination } from './pagination-options';
import { format, path, recordPath, requestOptions } from './request-options';

const responseAction = z
  .strictObject({
    status: z
      .union([z.int().min(100).max(599), z.array(z.int().min(100).max(599))])
      .optional()
      .describe('A status, or several; absent: any.'),
    contains: z.string().min(1).optional().describe('A text that the body has.'),
    action: z
      .enum(['retry', 'fail', 'ignore', 'refresh_token', 'rate_limited'])
      .describe('`ignore`: no records, and the list ends; `rate_limited`: wait, as for 429.'),
  })
  .refine(
    ({ status, contains }) => status !== undefined || contains !== undefined,
    'needs status or contains',
  );

const parent = z.strictObject({ ...requestOptions, format, record_path: recordPath, pagination });

const forEach = z
  .strictObject({
    as: z
      .string()
      .regex(/^[A-Za-z_]\w*$/, 'must be a name')
      .describe('The name: `{name}` in url, params, headers and body is replaced.'),
    values: z
      .array(z.union([z.string(), z.number()]))
      .min(1)
      .optional()
      .describe('The list itself.'),
    request: parent.optional().describe('The request of the list: pages as those of the source.'),
    value: path().default('$.id').describe('JSONPath of the value in each record of the list.'),
    column: z.string().min(1).optional().describe('The name of a column that gets the value.'),
  })
  .refine(({ values, request: list }) => (values === undefined) !== (list === undefined), {
    message: 'needs one of values and request',
  });

const keys = z.strictObject({
  ...requestOptions,
  auth: auth.optional().describe('How requests are authorised; sent to the origin of `url` only.'),
  format,
  record_path: recordPath,
  columns: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'The keys to take, null where a record lacks one. Default: those of the first page; a new one later is an error.',
    ),
  null_values: z.array(z.string()).default(['']).describe('Texts that mean null, as null itself does.'),
  pagination: pagination.describe('How the pages follow each other.'),
  rate_limit: z
    .strictObject({
      requests: z.int().min(1).max(100_000).describe('So many requests …'),
      per: z
        .enum(['second', 'minute', 'hour', 'day'])
        .default('second')
        .describe('… in this time, at an even pace.'),
    })
    .optional()
    .describe(
      'Holds over all workers of a staging store, and all pipelines that name the same host and limit.',
    ),
  response_actions: z
    .array(responseAction)
    .default([])
    .describe('What certain responses mean; the first that fits counts.'),
  for_each: forEach.optional().describe('One list of pages for each value of a list.'),
  incremental: incrementalByCursor
    .optional()
    .describe(
      'Only what is new, by a cursor. `{start}` and `{end}` in url, params, headers and body are the bounds, both included.',
    ),
  timeout_seconds: z
    .number()
    .positive()
    .max(3600)
    .default(60)
    .describe('The time of one request, with its body.'),
  allow_private: z
    .boolean()
    .default(false)
    .describe('Private, loopback and link-local addresses are allowed.'),
});

export type ApiOptions = z.infer<typeof keys>;
export type ApiParent = z.infer<typeof parent>;
export type ResponseAction = ApiOptions['response_actions'][number];

export const apiOptions = keys.superRefine((given, ctx) => {
  const list = given.for_each?.request;
  const problems: [key: string, message: string][] = [
    ...problemsOf(given, given.for_each?.as),
    ...(list
      ? problemsOf(list).map(([key, message]) => [`for_each.request.${key}`, message] as [string, string])
      : []),
  ];
  if (given.incremental?.order && given.for_each)
    problems.push(['incremental.order', 'has no meaning with for_each: there is an order in each list only']);
  if (given.incremental?.order && given.pagination.type === 'none')
    problems.push([
      'incremental.order',
      'needs a pagination: without one only the first page is asked for, and what stands behind it would be missed',
    ]);
  if (given.incremental && ['start', 'end'].includes(given.for_each?.as ?? ''))
    problems.push(['for_each.as', 'must differ from start and end, the bounds of incremental']);
  for (const [key, message] of problems) ctx.addIssue({ code: 'custom', path: key.split('.'), message });
});

/** @param each the name that for_each gives to its values */
function problemsOf(
  { url, format, record_path, pagination, method, body }: ApiParent,
  each?: string,
): [key: string, message: string][] {
  const problems: [string, string][] = [];
  const name = nameIn(pagination);
  if (pagination.in === 'path' && !url.includes(`{${name}}`))
    problems.push(['url', `must have {${name}}: the pagination is in: path`]);
  if (pagination.in === 'path' && each === name)
    problems.push(['for_each.as', 'must differ from pagination.name']);
  if (body !== undefined && method !== 'POST') problems.push(['body', 'needs method: POST']);
  if (pagination.in === 'body' && (method !== 'POST' || typeof body === 'string'))
    problems.push(['pagination.in', 'body needs method: POST and a body that is no text']);
  if (format === 'json') return problems;
  if (record_path !== '$') problems.push(['record_path', `has no meaning with format: ${format}`]);
  if (pagination.from?.startsWith('$') || pagination.stop.total_path !== undefined)
    problems.push(['pagination', `reads the body as one JSON document, which format: ${format} is not`]);
  return problems;
}

/** What the state of an incremental source belongs to: the requests, and the cursor; not how they are paged. */
export function selectRecords(options: ApiOptions): object | undefined {
  const { url, method, params, headers, body, record_path, for_each, incremental } = options;
  return (
    incremental && { url, method, params, headers, body, record_path, for_each, cursor: incremental.cursor }
  );
}
