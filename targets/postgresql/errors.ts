/** What the errors of PostgreSQL and of the network mean. https://www.postgresql.org/docs/current/errcodes-appendix.html */
import { FlexetlError, messageOf, type ErrorCode } from '../../pipeline/errors';

/** @param server as users know it, in messages @param table of the target */
export function explainError(error: unknown, server: string, table: string): unknown {
  if (error instanceof FlexetlError) return error;
  const code = codeOf(error);
  // Two that make one table of ours at the same moment, or write one row of the load ledger.
  const { constraint = '' } = error as { constraint?: string };
  if (code === '23505' && /^(pg_|_flexetl_)/.test(constraint)) {
    return new FlexetlError('TARGET_BUSY', {
      message: `${server}, table ${table}: another run is writing there.`,
      hint: 'The run tries again by itself.',
      cause: error,
    });
  }
  const known = MEANINGS.find(({ codes, pattern }) =>
    code === '' ? pattern?.test(messageOf(error)) : codes?.test(code),
  );
  if (!known) return error;
  const message = known.message(server, withoutValues(messageOf(error)), table);
  return new FlexetlError(known.means, { message, hint: known.hint, cause: error });
}

/** The SQLSTATE, or the code of an error of the network; empty where there is none. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** Messages show a value only behind a colon: `invalid input syntax for type json: "…"`. */
function withoutValues(message: string): string {
  return message.replace(/: ".*$/s, '').replace(/^value ".*" is out of range/s, 'a value is out of range');
}

interface Meaning {
  codes?: RegExp;
  /** Of the message, for errors without a code. */
  pattern?: RegExp;
  means: ErrorCode;
  message(server: string, found: string, table: string): string;
  hint: string;
}

/** The first that fits. */
const MEANINGS: readonly Meaning[] = [
  {
    codes: /^(28...|3D000)$/,
    means: 'TARGET_INVALID',
    message: (server, found) => `${server} refuses the connection: ${found}.`,
    hint: 'Check user, password and database in the connection string, and pg_hba.conf of the server.',
  },
  {
    codes: /^42501$/,
    means: 'TARGET_INVALID',
    message: (server, found, table) => `${server}, table ${table}: ${found}.`,
    hint: 'Grant the role what it lacks, or use another role in the connection string.',
  },
  {
    codes: /^25006$/,
    means: 'TARGET_INVALID',
    message: (server, found) => `${server} is read-only: ${found}.`,
    hint: 'Is it a standby? Use the primary server in the connection string.',
  },
  {
    codes: /^(40001|40P01|55P03|53300)$/,
    means: 'TARGET_BUSY',
    message: (server, found, table) => `${server}, table ${table} is busy: ${found}.`,
    hint: 'The run tries again by itself. pg_stat_activity shows who holds the lock, or the connections.',
  },
  {
    codes: /^53100$/,
    means: 'DISK_FULL',
    message: (server, found) => `The disk of ${server} is full: ${found}.`,
    hint: 'Free some space; the run then continues by itself.',
  },
  {
    codes:
      /^(08...|57P0[1-5]|53...|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT)$/,
    pattern:
      /^(Connection terminated|timeout expired|Client has encountered a connection error|Client was closed|This socket has been ended)/,
    means: 'TARGET_UNREACHABLE',
    message: (server, found) => `${server} does not answer: ${found}.`,
    hint: 'Is the server up, and are host and port right? The run tries again by itself.',
  },
  {
    codes: /^(CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/,
    pattern: /SSL/,
    means: 'TARGET_INVALID',
    message: (server, found) => `${server}: no encrypted connection: ${found}.`,
    hint: 'Check `sslmode` and `sslrootcert`, and the certificate of the server.',
  },
  {
    codes: /^(2[23]...|44000|P0001|42804|42701|54...|55000|0A000)$/,
    means: 'TARGET_INCOMPATIBLE',
    message: (server, found, table) => `${server}, table ${table} refuses the rows: ${found}.`,
    hint: 'Change the column, constraint or trigger of the table, or the rows: cast, deduplicate, filter.',
  },
  {
    codes: /^(57014|58...|XX...)$/,
    means: 'TRANSIENT',
    message: (server, found) => `${server}: ${found}.`,
    hint: 'The log of the server says more.',
  },
];
