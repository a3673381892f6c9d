/** A table in a PostgreSQL database: replaced as a whole, added to, or merged into. */
import { z } from 'zod';
import { LIMITS } from '../pipeline/limits';
import { path, secret } from '../plugin/options';
import { defineTarget } from '../plugin/target';
import { SSL_MODES } from './postgresql/connection';
import { postgresqlDialect } from './postgresql/dialect';
import { requireKey, tableOptions } from './sql/options';
import { sqlTarget } from './sql/target';

/** As PostgreSQL counts the length of names. */
const name = () =>
  z
    .string()
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must be a name without control characters')
    .refine(
      (text) => Buffer.byteLength(text) <= LIMITS.postgresqlNameBytesMax,
      `must have at most ${LIMITS.postgresqlNameBytesMax} bytes: PostgreSQL cuts longer names`,
    );

const options = z
  .strictObject({
    connection_string_env: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not its value')
      .optional()
      .describe(
        'Name of the environment variable of the workers that has the connection string: postgresql://user:password@host:5432/database. NAME_FILE may name a file with it.',
      ),
    connection_string: secret().optional().describe('The same in the form of other secrets: {secret: NAME}.'),
    schema: name().default('public').describe('Schema of the table. It must exist.'),
    ...tableOptions,
    table: name()
      .regex(/^(?!pg_|_flexetl_)/, 'must not start with pg_ or _flexetl_')
      .describe(tableOptions.table.description ?? ''),
    sslmode: z
      .enum(SSL_MODES)
      .optional()
      .describe(
        'Encryption, in the words of libpq. disable: none. prefer: if the server has it. require: always, whatever its certificate. verify-ca: its certificate is of a known authority. verify-full: and of this host. Default: sslmode of the connection string, else prefer.',
      ),
    sslrootcert: path()
      .optional()
      .describe(
        'File with the certificate of the authority, as PEM. Default: sslrootcert of the connection string, else those that Node.js knows.',
      ),
  })
  .superRefine(requireKey)
  .superRefine(({ connection_string_env, connection_string }, context) => {
    if ((connection_string_env === undefined) !== (connection_string === undefined)) return;
    const message = 'expected either connection_string_env or connection_string, one of the two.';
    context.addIssue({ code: 'custom', path: ['connection_string_env'], message });
  });

export const postgresql = defineTarget<z.infer<typeof options>>({
  type: 'postgresql',
  description: 'A table in a PostgreSQL database.',
  options,
  ...sqlTarget(postgresqlDialect),
});
