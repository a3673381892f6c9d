/** Sends the requests of the API source: authorised, at its pace, with retries, and with what a response means. */
import { STATUS_CODES } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { detailsOf } from '../../pipeline/error-details';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import { withoutSecrets } from '../../runtime/secrets';
import { guardAddresses } from './addresses';
import { authorise } from './auth';
import { exchange, openAgent, type Connection, type Reply } from './exchange';
import { busy, unreachable, unreadable, type Place } from './failures';
import type { ApiOptions, ResponseAction } from './options';
import type { ApiRequest } from './request';

export interface Client {
  /**
   * @param read of a response that is used; what it throws is tried again where that can help
   * @returns undefined for a response that is ignored
   * @throws FlexetlError SOURCE_UNREACHABLE, SOURCE_BUSY, SOURCE_UNREADABLE, ADDRESS_REFUSED, SECRET_MISSING
   */
  fetch<T>(request: ApiRequest, place: Place, read: (reply: Reply) => T | Promise<T>): Promise<T | undefined>;
  close(): Promise<void>;
}

export function openClient(options: ApiOptions, context: PluginContext): Client {
  const { auth, url, rate_limit: limit, response_actions: actions } = options;
  const token = auth?.type === 'oauth2_client_credentials' ? auth.token_url : undefined;
  const named = [url, options.for_each?.request?.url, token].flatMap((one) =>
    one === undefined ? [] : [new URL(one).hostname],
  );
  const guard = guardAddresses(options.allow_private, named);
  const connection: Connection = {
    agent: openAgent(guard),
    guard,
    timeoutMs: options.timeout_seconds * 1000,
    signal: context.signal,
    home: new URL(url).origin,
  };
  const { secret } = context;
  const takeTurn = async (): Promise<void> => {
    if (limit) await context.turn(connection.home, { requests: limit.requests, perMs: PER_MS[limit.per] });
  };
  const sendToken = (place: Place) => (request: ApiRequest) =>
    withRetries(context.signal, async () => {
      const reply = await exchange(request, { ...connection, home: request.url.origin }, place);
      const action = actionOf(reply, []);
      if (action !== 'use') throw failureOf(action, reply, `${place}, token_url`);
      return reply;
    });
  return {
    fetch(request, place, read) {
      const isOwn = request.url.origin === connection.home;
      let refused = false;
      return withRetries(context.signal, async () => {
        for (;;) {
          const send = sendToken(place);
          const asked = isOwn
            ? await authorise(request, auth, { secret, place, send, again: refused })
            : request;
          await takeTurn();
          const reply = await exchange(asked, connection, place);
          const action = actionOf(reply, actions);
          if (action === 'use') return await read(reply);
          if (action === 'ignore') return undefined;
          if (action !== 'refresh_token' || refused || !auth || !isOwn) throw failureOf(action, reply, place);
          refused = true;
        }
      });
    },
    close: async () => (await connection.agent).destroy(),
  };
}

const PER_MS = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** Short pauses are made here; for long ones the step ends, and the workflow waits. */
async function withRetries<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FlexetlError) || !error.retryable || tries >= LIMITS.apiTriesMax) throw error;
      const backoffMs = LIMITS.apiBackoffMs * 2 ** (tries - 1) * (1 + Math.random());
      const waitMs = detailsOf(error).retry_after_ms ?? backoffMs;
      if (waitMs > LIMITS.apiPauseMsMax) throw error;
      await sleep(waitMs, undefined, { signal });
    }
  }
}

type Action = ResponseAction['action'] | 'use';

function actionOf({ status, text }: Reply, actions: readonly ResponseAction[]): Action {
  const fitting = actions.find(
    (one) =>
      (one.status === undefined || [one.status].flat().includes(status)) &&
      (one.contains === undefined || text.includes(one.contains)),
  );
  if (fitting) return fitting.action;
  if (status === 204) return 'ignore';
  if (status >= 200 && status < 300) return 'use';
  if (status === 401) return 'refresh_token';
  if (status === 429) return 'rate_limited';
  return status === 408 || status === 425 || status >= 500 ? 'retry' : 'fail';
}

function failureOf(action: Action, reply: Reply, place: Place): FlexetlError {
  const what = `status ${reply.status}${nameOf(reply.status)}${said(reply)}`;
  const afterMs = retryAfterMs(reply);
  if (action === 'rate_limited' || (action === 'retry' && afterMs !== undefined))
    return busy(place, what, afterMs);
  if (action === 'retry') return unreachable(place, what);
  return unreadable(place, what, HINTS[reply.status] ?? 'Check url, params, headers and body.');
}

const HINTS: Readonly<Record<number, string>> = {
  401: 'Check auth, and the secret that it names.',
  403: 'Check what the credentials of auth are allowed to read.',
  404: 'Check the url; response_actions can ignore a status.',
};

function nameOf(status: number): string {
  const name = STATUS_CODES[status];
  return name === undefined ? '' : ` (${name})`;
}

/** The first words of an error response; of others never, as they may be rows. */
function said({ status, text, headers }: Reply): string {
  if (status < 400 || !/json|text\/plain/.test(String(headers['content-type'] ?? ''))) return '';
  const words = withoutSecrets(text).replace(/\s+/g, ' ').trim();
  return words === '' ? '' : `: ${words.slice(0, LIMITS.apiSaidCharsMax)}`;
}

/** Retry-After in seconds or as a date, which counts from the clock of the server. */
function retryAfterMs({ headers }: Reply): number | undefined {
  const value = String(headers['retry-after'] ?? '');
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const until = Date.parse(value);
  if (Number.isNaN(until)) return undefined;
  const now = Date.parse(String(headers['date'] ?? ''));
  return Math.max(0, until - (Number.isNaN(now) ? Date.now() : now));
}
