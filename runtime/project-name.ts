/** The name of a project: from its file, from the environment, or an id that was made once. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { parseConfigDocument } from '../pipeline/config/document';
import { describeIssue, problemsOf } from '../pipeline/config/problems';
import { FlexetlError } from '../pipeline/errors';
import { PROJECT_FILE } from './find-project';
import { makeId } from './id-file';
import type { Settings } from './settings';

/** It stands in workflow ids, in the name of a task queue, and in paths. */
const PROJECT_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const EXPECTED = 'letters, digits, "_", "." and "-", at most 64, the first a letter or digit';

const projectFile = z.strictObject({
  project: z
    .string()
    .regex(PROJECT_NAME, { error: ({ input }) => `found ${JSON.stringify(input)}, expected ${EXPECTED}.` }),
});

/**
 * FLEXETL_PROJECT, or `project` in flexetl.yaml. A project without either gets a name of its own: that of its folder
 * and a random number, kept in `.flexetl/id`.
 * @throws FlexetlError CONFIG_INVALID, PATH_UNWRITABLE
 */
export async function readProjectName({ env, projectDir, stateDir }: Settings): Promise<string> {
  const named = env['FLEXETL_PROJECT'];
  if (named) return assertName(named);
  const written = await readProjectFile(join(projectDir, PROJECT_FILE));
  if (written !== undefined) return written;
  const hint = `Make it writable, or name the project in ${PROJECT_FILE} (\`project: shop\`) or in FLEXETL_PROJECT.`;
  return makeId(join(stateDir, 'id'), madeUpName(projectDir), hint);
}

function assertName(name: string): string {
  if (PROJECT_NAME.test(name)) return name;
  throw new FlexetlError('CONFIG_INVALID', {
    message: `FLEXETL_PROJECT is ${JSON.stringify(name)}, expected ${EXPECTED}.`,
    hint: 'It is the name of the project, as in "shop"; its folder is FLEXETL_PROJECT_DIR.',
  });
}

async function readProjectFile(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw invalid(`${path}: ${error.message}`, error);
  });
  if (text === undefined) return undefined;
  const document = parseConfigDocument(text, {});
  if ('syntax' in document) {
    const [first] = document.syntax;
    throw invalid(`${PROJECT_FILE}:${first?.line}:${first?.column} ${first?.message}`);
  }
  const root = document.root ?? {};
  const found = projectFile.safeParse(root, { error: describeIssue });
  if (found.success) return found.data.project;
  const problems = problemsOf(found.error.issues, root).map(({ path: at, message, atKey = false }) => {
    const { line, column } = document.locate(at, atKey);
    return `${PROJECT_FILE}:${line}:${column} ${at.join('.')}: ${message}`;
  });
  throw invalid(problems.join('\n'));
}

function invalid(message: string, cause?: unknown): FlexetlError {
  return new FlexetlError('CONFIG_INVALID', {
    message,
    hint: `${PROJECT_FILE} names the project, as in \`project: shop\`. Without the file it gets a name of its own.`,
    cause,
  });
}

function madeUpName(projectDir: string): string {
  return `${nameOfFolder(projectDir)}-${randomBytes(4).toString('hex')}`;
}

/** A name that a project may have, made of that of its folder. */
export function nameOfFolder(projectDir: string): string {
  const folder = basename(projectDir)
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 40);
  return folder || 'project';
}
