/** The options of the API source that say how requests are authorised. A pipeline file has only the names of secrets. */
import { z } from 'zod';
import { secret, secretEnv, type SecretName } from '../../plugin/options';
import { url } from './request-options';

const named = (what: string) => secret().optional().describe(`${what}, as {secret: NAME}.`);
const env = () => secretEnv().optional().describe('The same by its name alone.');

export const auth = z.discriminatedUnion('type', [
  z
    .strictObject({ type: z.literal('bearer'), token: named('The token'), token_env: env() })
    .superRefine(needOne('token')),
  z
    .strictObject({
      type: z.literal('basic'),
      username: z.string().describe('The user name.'),
      password: named('The password'),
      password_env: env(),
    })
    .superRefine(needOne('password')),
  z
    .strictObject({
      type: z.literal('api_key'),
      in: z.enum(['header', 'query']).default('header').describe('Where the key goes.'),
      name: z.string().min(1).default('X-API-Key').describe('Its name there.'),
      key: named('The key'),
      key_env: env(),
    })
    .superRefine(needOne('key')),
  z
    .strictObject({
      type: z.literal('oauth2_client_credentials'),
      token_url: url().describe('Where the token comes from.'),
      client_id: z.string().min(1).describe('The client.'),
      client_secret: named('Its secret'),
      client_secret_env: env(),
      scopes: z.array(z.string()).default([]).describe('Scopes to ask for.'),
      send: z
        .enum(['header', 'body'])
        .default('header')
        .describe('How client and secret are sent: in a Basic header, or in the body.'),
    })
    .superRefine(needOne('client_secret')),
]);

export type Auth = z.infer<typeof auth>;

function needOne(name: string) {
  return (given: Record<string, unknown>, ctx: z.RefinementCtx): void => {
    const count = [given[name], given[`${name}_env`]].filter((one) => one !== undefined).length;
    if (count === 1) return;
    const message = `expected one of ${name}_env: NAME and ${name}: {secret: NAME}.`;
    ctx.addIssue({ code: 'custom', path: [`${name}_env`], message });
  };
}

/** Which secret a pair of options names. */
export function secretOf(given: SecretName | undefined, byName: string | undefined): string {
  return given?.secret ?? byName ?? '';
}
