/** The authorisation of requests. Tokens are kept in memory only, and cut out of every error. */
import { createHash } from 'node:crypto';
import type { PluginContext } from '../../plugin/context';
import { rememberSecret } from '../../runtime/secrets';
import { secretOf, type Auth } from './auth-options';
import { unreadable, type Place } from './failures';
import type { Reply } from './exchange';
import type { ApiRequest } from './request';

/** Sends a request as it is, within its retries. */
export type Send = (request: ApiRequest) => Promise<Reply>;

/** Access tokens of this process, by a digest of whom they are for. */
const tokens = new Map<string, { token: string; untilMs: number }>();

/**
 * A request with its authorisation.
 * @param again the one of before was refused: a token is asked for anew
 */
export async function authorise(
  request: ApiRequest,
  auth: Auth | undefined,
  {
    secret,
    place,
    send,
    again,
  }: { secret: PluginContext['secret']; place: Place; send: Send; again: boolean },
): Promise<ApiRequest> {
  if (!auth) return request;
  const withHeader = (name: string, value: string): ApiRequest => ({
    ...request,
    headers: { ...request.headers, [name]: value },
  });
  switch (auth.type) {
    case 'bearer':
      return withHeader('authorization', `Bearer ${await secret(secretOf(auth.token, auth.token_env))}`);
    case 'basic': {
      const password = await secret(secretOf(auth.password, auth.password_env));
      return withHeader('authorization', basic(auth.username, password));
    }
    case 'api_key': {
      const key = await secret(secretOf(auth.key, auth.key_env));
      if (auth.in === 'header') return withHeader(auth.name.toLowerCase(), key);
      rememberSecret(encodeURIComponent(key));
      rememberSecret(new URLSearchParams([['', key]]).toString().slice(1));
      const url = new URL(request.url);
      url.searchParams.set(auth.name, key);
      return { ...request, url };
    }
    case 'oauth2_client_credentials': {
      const clientSecret = await secret(secretOf(auth.client_secret, auth.client_secret_env));
      const owner = createHash('sha256')
        .update(JSON.stringify([auth, clientSecret]))
        .digest('hex');
      const known = tokens.get(owner);
      const use =
        known && !again && Date.now() < known.untilMs
          ? known
          : await askToken(auth, clientSecret, place, send);
      tokens.set(owner, use);
      return withHeader('authorization', `Bearer ${use.token}`);
    }
  }
}

function basic(user: string, password: string): string {
  const pair = Buffer.from(`${user}:${password}`).toString('base64');
  rememberSecret(pair);
  return `Basic ${pair}`;
}

/** RFC 6749, section 4.4. */
async function askToken(
  auth: Extract<Auth, { type: 'oauth2_client_credentials' }>,
  clientSecret: string,
  place: Place,
  send: Send,
): Promise<{ token: string; untilMs: number }> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (auth.scopes.length > 0) form.set('scope', auth.scopes.join(' '));
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  };
  rememberSecret(encodeURIComponent(clientSecret));
  if (auth.send === 'header') {
    headers['authorization'] = basic(encodeURIComponent(auth.client_id), encodeURIComponent(clientSecret));
  } else {
    form.set('client_id', auth.client_id);
    form.set('client_secret', clientSecret);
  }
  const { text } = await send({
    method: 'POST',
    url: new URL(auth.token_url),
    headers,
    body: form.toString(),
  });
  const { access_token: token, expires_in: seconds } = parse(text);
  if (typeof token !== 'string' || token === '')
    throw unreadable(place, 'the answer of token_url has no access_token', 'Check token_url.');
  rememberSecret(token);
  // Renewed a little before its end; without an end when it is refused.
  const lifeMs = Number(seconds) > 0 ? Number(seconds) * 900 : Infinity;
  return { token, untilMs: Date.now() + lifeMs };
}

function parse(text: string): { access_token?: unknown; expires_in?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as object;
  } catch {
    return {};
  }
}
