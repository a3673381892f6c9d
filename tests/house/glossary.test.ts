import ts from 'typescript';
import { parseSource, productFiles, readText } from './repository';

/** Words of the first version that a newcomer had to learn, and the field does not have. */
const PRIVATE_WORDS = /^(misfits?|mend|settled?|lean|slim|quick|marks?|tells?|fold(s|ed)?|anew|sound)$/;

const exported = productFiles.flatMap(exportsOf);

function exportsOf(path: string): string[] {
  return parseSource(path).statements.flatMap((statement) => {
    const isExported = ts.canHaveModifiers(statement)
      ? ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
      : false;
    if (!isExported) return [];
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map(({ name }) => name.getText());
    const { name } = statement as ts.Statement & { name?: ts.Node };
    return name ? [name.getText()] : [];
  });
}

/** `explainMismatch` as explain, mismatch. */
function wordsOf(name: string): string[] {
  return (name.match(/[A-Z]?[a-z0-9]+|[A-Z]+/g) ?? []).map((word) => word.toLowerCase());
}

describe('the glossary', () => {
  const rows = readText('docs/glossary.md')
    .split('\n')
    .filter((line) => /^\| [a-z]/.test(line) && !line.startsWith('| term'))
    .map((line) => line.split('|').map((cell) => cell.trim()));

  it('has thirty terms or so, each once', () => {
    const terms = rows.map(([, term = '']) => term);
    expect(terms.length).toBeGreaterThanOrEqual(30);
    expect(new Set(terms).size).toBe(terms.length);
  });

  it('names only what the code exports', () => {
    const names = rows.flatMap(([, , , cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    expect(names.length).toBeGreaterThan(30);
    expect(names.filter((name) => !exported.includes(name ?? ''))).toEqual([]);
  });

  it('has no place for private words in the names that the code exports', () => {
    expect(exported.filter((name) => wordsOf(name).some((word) => PRIVATE_WORDS.test(word)))).toEqual([]);
  });
});
