/** The server that the environment names, with the variables and the configuration file of Temporal's own tools. */
import type { ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { FlexetlError, messageOf } from '../pipeline/errors';

export type Env = Readonly<Record<string, string | undefined>>;

export interface ServerAddress {
  address: string;
  namespace: string;
  /** configured: named by the environment; local: found on its usual port; embedded: this project's own. */
  kind: 'configured' | 'local' | 'embedded';
}

/** The part of the connection options that `Connection` and `NativeConnection` have in common. */
export interface ServerConnection extends Pick<ConnectionOptions, 'tls' | 'metadata'> {
  address: string;
  apiKey?: string;
}

/** Any of these names a server. A profile of the configuration file is used only if one of the last two is set. */
const NAMES = ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'] as const;

export interface NamedServer {
  address: string;
  namespace: string;
  /** The variable that names it. */
  by: (typeof NAMES)[number];
}

/** Whether the environment names a server, without a look at the configuration file. */
export function namesServer(env: Env): boolean {
  return nameOf(env) !== undefined;
}

const nameOf = (env: Env): NamedServer['by'] | undefined => NAMES.find((name) => env[name]);

/** @throws FlexetlError CONFIG_INVALID for a profile or a file that cannot be read, or that has no address */
export function findNamedServer(env: Env): NamedServer | undefined {
  const by = nameOf(env);
  if (by === undefined) return undefined;
  const { connectionOptions, namespace = 'default' } = load(env);
  if (connectionOptions.address) return { address: connectionOptions.address, namespace, by };
  throw new FlexetlError('CONFIG_INVALID', {
    message: `${by} is set, but the profile of Temporal's configuration file has no address.`,
    hint: 'Set it: temporal config set --prop address --value host:port, or name the server in TEMPORAL_ADDRESS.',
  });
}

/**
 * What `Connection` and `NativeConnection` need. Keys and certificates of the environment belong to the server that it names.
 * @throws FlexetlError CONFIG_INVALID for a certificate or a configuration file that cannot be read
 */
export function connectionOptions(
  { address, kind }: Pick<ServerAddress, 'address' | 'kind'>,
  env: Env,
): ServerConnection {
  if (kind !== 'configured') return { address };
  const { apiKey, tls, metadata } = load(env).connectionOptions;
  return {
    address,
    ...(tls !== undefined && { tls }),
    ...(apiKey && { apiKey }),
    ...(metadata && { metadata }),
  };
}

function load(env: Env): ReturnType<typeof loadClientConnectConfig> {
  // A variable that is set to nothing is not set.
  const set = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const vars = Object.fromEntries(set);
  const { TEMPORAL_TLS: tls } = vars;
  if (tls !== undefined && !/^(true|false|1|0)$/.test(tls))
    throw new FlexetlError('CONFIG_INVALID', {
      message: `TEMPORAL_TLS is ${tls}.`,
      hint: 'Set it to true or false.',
    });
  try {
    const disableFile = !vars['TEMPORAL_PROFILE'] && !vars['TEMPORAL_CONFIG_FILE'];
    return loadClientConnectConfig({ overrideEnvVars: vars, disableFile });
  } catch (error) {
    throw new FlexetlError('CONFIG_INVALID', {
      message: `The connection to Temporal that ${nameOf(env)} and its companions describe cannot be read: ${messageOf(error)}.`,
      hint: 'Name readable files in TEMPORAL_TLS_* and TEMPORAL_CONFIG_FILE, and a profile that is in the file.',
      cause: error,
    });
  }
}
