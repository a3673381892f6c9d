/** Secrets by name: from the environment, or from files that the environment names, as containers mount them. */
import { readFile } from 'node:fs/promises';
import { FlexetlError, messageOf } from '../pipeline/errors';

/** The value of a secret. Never log it, never put it into a message. */
export type Secrets = (name: string) => Promise<string>;

/**
 * Looks up `NAME`, else the content of the file that `NAME_FILE` names, without one line break at its end. The file is
 * read at each use: a changed secret takes effect at once.
 * @throws FlexetlError SECRET_MISSING
 */
export function createSecrets(env: Readonly<Record<string, string | undefined>>): Secrets {
  const look = lookUp(env);
  return async (name) => {
    const secret = await look(name);
    given.add(secret);
    return secret;
  };
}

/** The secrets that this process has given to plugins. */
const given = new Set<string>();

/** What must not be in an error either: a token, a secret in another spelling. */
export function rememberSecret(secret: string): void {
  if (secret !== '') given.add(secret);
}

/** Cuts secrets out of the message and stack of an error, which plugins may have put into it, and of its causes. */
export function hideSecrets(error: unknown): void {
  for (let one = error; one instanceof Error; one = one.cause) {
    one.message = withoutSecrets(one.message);
    if (one.stack !== undefined) one.stack = withoutSecrets(one.stack);
  }
}

/** A text that comes from elsewhere and may hold a secret, before it is shortened. */
export function withoutSecrets(text: string): string {
  // The longest first: one may be part of another.
  const secrets = [...given].sort((a, b) => b.length - a.length);
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
}

function lookUp(env: Readonly<Record<string, string | undefined>>): Secrets {
  return async (name) => {
    const value = env[name];
    if (value) return value;
    const path = env[`${name}_FILE`];
    if (!path) throw missing(name, `neither ${name} nor ${name}_FILE is set`);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw missing(name, `the file that ${name}_FILE names cannot be read: ${messageOf(error)}`, error);
    });
    const secret = text.replace(/\r?\n$/, '');
    if (secret === '') throw missing(name, `the file that ${name}_FILE names is empty`);
    return secret;
  };
}

function missing(name: string, found: string, cause?: unknown): FlexetlError {
  return new FlexetlError('SECRET_MISSING', {
    message: `There is no secret ${name}: ${found}.`,
    hint: `Set ${name} in the environment of every worker, or ${name}_FILE to the path of a file that holds it.`,
    cause,
  });
}
