/** The options that a request of the API source has: those of its records, and those of a parent list. */
import { z } from 'zod';
import { secret } from '../../plugin/options';
import { jsonPath } from './json-document';

/** A value of a header or parameter: a secret is named, never written. */
const value = () => z.union([z.string(), z.number(), z.boolean(), secret()]);

const headers = z
  .record(z.string().regex(/^[!#$%&'*+.^_`|~\w-]+$/, 'must be the name of a header'), value())
  .superRefine((given, ctx) => {
    for (const [name, one] of Object.entries(given)) {
      if (!/^(proxy-)?authorization$|^cookie$/i.test(name) || typeof one === 'object') continue;
      const message = 'a secret is never written into a pipeline file: use auth, or {secret: NAME}.';
      ctx.addIssue({ code: 'custom', path: [name], message: `${name}: ${message}` });
    }
  });

export const url = () =>
  z
    .string()
    .refine(
      (text) => /^https?:\/\/[^/?#]/i.test(text) && URL.canParse(text),
      'must be a URL of http or https',
    )
    .refine((text) => !hasCredentials(text), 'must not have a user name or password: use auth');

function hasCredentials(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username !== '' || password !== '';
}

/** What a request has; texts may have `{name}` of for_each. */
export const requestOptions = {
  url: url().describe('The address. `{name}` is replaced by the value of `for_each`.'),
  method: z.enum(['GET', 'POST']).default('GET').describe('The method of the requests.'),
  params: z.record(z.string(), value()).default({}).describe('Query parameters.'),
  headers: headers.default({}).describe('Headers. A secret is `{secret: NAME}`.'),
  body: z
    .union([z.record(z.string(), z.unknown()), z.array(z.unknown()), z.string()])
    .optional()
    .describe('The body of a POST: sent as JSON, a text as it is.'),
};

export const path = () =>
  z.string().superRefine((text, ctx) => {
    const problem = jsonPath.problem(text);
    if (problem !== undefined) ctx.addIssue({ code: 'custom', message: `must be a JSONPath: ${problem}` });
  });

export const format = z
  .enum(['json', 'ndjson', 'csv'])
  .default('json')
  .describe('The format of the pages; gzipped ones too.');
export const recordPath = path()
  .default('$')
  .describe('JSONPath (RFC 9535) of the records in a page: of their list, or of each of them.');
