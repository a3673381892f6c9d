/**
 * Values from the environment in a pipeline file: `${VAR}`, `${VAR:-default}`, `${VAR:?message}`, and `$$` for a
 * plain `$`. As in a shell, an empty variable counts as unset for `:-` and `:?`. The value is not
 * interpolated again, so a variable cannot refer to another one.
 */

export type Env = Readonly<Record<string, string | undefined>>;

export interface Interpolated {
  text: string;
  /** The text was a single `${…}` and nothing else. */
  whole: boolean;
  /** Something was interpolated. */
  changed: boolean;
  /** What is wrong, one sentence each. */
  problems: readonly string[];
}

const REFERENCE = /\$(?:\$|\{([^}]*)(\}?))/g;
const BODY = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)([\s\S]*))?$/;

export function interpolate(text: string, env: Env): Interpolated {
  const problems: string[] = [];
  let changed = false;
  const result = text.replace(REFERENCE, (match, body: string | undefined, end: string) => {
    if (match === '$$') return '$';
    changed = true;
    if (end !== '}') {
      problems.push(`found "\${" without "}", expected \${NAME}, or $$ for a plain "$".`);
      return match;
    }
    const value = resolve(body ?? '', env);
    if (typeof value === 'string') return value;
    problems.push(value.problem);
    return match;
  });
  return { text: result, whole: changed && /^\$\{[^}]*\}$/.test(text), changed, problems };
}

function resolve(body: string, env: Env): string | { problem: string } {
  const [, name, operator, rest = ''] = BODY.exec(body) ?? [];
  if (name === undefined) {
    return { problem: `found "\${${body}}", expected \${NAME}, \${NAME:-default} or \${NAME:?message}.` };
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (operator === ':-') return value || rest;
  if (operator === ':?') {
    return value || { problem: `the environment variable ${name} is not set: ${rest || 'it is required'}.` };
  }
  return (
    value ?? {
      problem: `the environment variable ${name} is not set. Set it, or give a default: \${${name}:-…}`,
    }
  );
}
