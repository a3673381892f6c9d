/** The lines of an error: problems with their places in the file or on the command line, in the file's order. */
import type { ConfigDocument } from './document';
import { inFile, type Layout } from './layout';
import type { Override } from './overrides';
import { show, startsWith, type Path, type Problem } from './problems';

/** @returns one line per problem: `file:line:column path: message`, or `--set path: message` */
export function printProblems(
  problems: readonly Problem[],
  document: ConfigDocument,
  layout: Layout,
  overrides: readonly Override[],
  file: string,
): string[] {
  const sources = overrides.map(({ path, label, written }) => ({
    label,
    written,
    path: inFile({ path, message: '' }, layout).path,
  }));
  const unread = document.problems.map(({ path }) => path);
  const lines = problems.flatMap((problem) => {
    const { path, atKey = false } = problem;
    const place = document.locate(path, atKey);
    const override = sources.findLast(
      (source) => startsWith(path, source.path) || (!place.exact && startsWith(source.path, path)),
    );
    const replaced = override !== undefined && startsWith(path, override.path);
    if (document.problems.includes(problem)) {
      if (replaced) return [];
    } else if (!replaced && unread.some((one) => one.length && startsWith(path, one))) {
      // A value that could not be read is not also reported for its type.
      return [];
    }
    const message = withoutSecrets(problem, override ? override.written : writtenAt(path, document));
    const where = override ? override.label : `${file}:${place.line}:${place.column}`;
    // `--set source.path` shows the path already.
    const named = override !== undefined && startsWith(override.path, path);
    const what = named || path.length === 0 ? '' : ` ${path.join('.')}:`;
    return [{ ...place, text: `${where}${named ? ':' : ''}${what} ${message}` }];
  });
  return lines.sort((a, b) => a.line - b.line || a.column - b.column).map(({ text }) => text);
}

/** An interpolated value may be a secret: messages show its text as written. */
function withoutSecrets({ message }: Problem, written: Override['written']): string {
  return written.reduce((text, one) => text.replaceAll(show(one.value), () => one.text), message);
}

function writtenAt(path: Path, document: ConfigDocument): Override['written'] {
  return document.written.filter((one) => startsWith(path, one.path)).slice(0, 1);
}
