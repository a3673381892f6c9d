import ts from 'typescript';
import {
  benchFiles,
  docFiles,
  listFiles,
  nodesOf,
  parseSource,
  placeOf,
  productFiles,
  readText,
  testFiles,
} from './repository';

const LINES_MAX = 300;
/** A test file may hold a long table of cases. */
const TEST_LINES_MAX = 450;

const code = [...productFiles, ...benchFiles];
const all = [...code, ...testFiles];

/** Lines that match, as `path:line`. */
function linesWith(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    readText(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
  );
}

describe('files', () => {
  it('are short enough to be read in one go', () => {
    const linesOf = (path: string): number => readText(path).split('\n').length - 1;
    const long = [
      ...code.filter((path) => linesOf(path) > LINES_MAX),
      ...testFiles.filter((path) => linesOf(path) > TEST_LINES_MAX),
    ];
    expect(long.map((path) => `${path}: ${linesOf(path)} lines`)).toEqual([]);
  });

  it('are named in kebab-case; transforms and checks like their type', () => {
    const odd = all.filter((path) => {
      const isPlugin =
        /^pipeline\/(transforms|checks)\//.test(path) && /define(Transform|Check)[<(]/.test(readText(path));
      const pattern = isPlugin ? /^[a-z_]+$/ : /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?$/;
      return !pattern.test(path.split('/').at(-1)?.replace(/\.ts$/, '') ?? '');
    });
    expect(odd).toEqual([]);
  });

  it('stand in folders that say what they hold', () => {
    const vague = /(^|\/)(src|lib|utils?|helpers?|common|shared|misc|managers?)(\/|\.ts$)/;
    expect(all.filter((path) => vague.test(path))).toEqual([]);
  });

  it('of commands have the name of their main export', () => {
    const commands = productFiles.flatMap(exportsIfCommand);
    expect(commands.filter(({ fits }) => !fits)).toEqual([]);
  });

  it('say what they are, at their top or at the first thing in them', () => {
    const silent = code.filter((path) => {
      const file = parseSource(path);
      const first = file.statements.find((statement) => !ts.isImportDeclaration(statement));
      const above = first?.getFullText().slice(0, first.getLeadingTriviaWidth());
      return !file.text.replace(/^#!.*\n/, '').startsWith('/**') && !above?.includes('/**');
    });
    // A plugin's description says it.
    expect(silent.filter((path) => !/define(Transform|Check)[<(]/.test(readText(path)))).toEqual([]);
  });
});

function exportsOf(path: string): string[] {
  return nodesOf(parseSource(path)).flatMap((node) => {
    if (!ts.isFunctionDeclaration(node) || !node.name) return [];
    return node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ? [node.name.text] : [];
  });
}

/** A file of a command exports `<name>Command`; two that belong together may share a file. */
function exportsIfCommand(path: string): { path: string; fits: boolean }[] {
  const names = path.startsWith('client/') ? exportsOf(path).filter((name) => name.endsWith('Command')) : [];
  if (names.length === 0) return [];
  return [{ path, fits: names.includes(`${path.slice('client/'.length, -'.ts'.length)}Command`) }];
}

describe('code', () => {
  it('has no default exports', () => {
    const found = all
      .flatMap((path) => nodesOf(parseSource(path)))
      .filter((node) => ts.isExportAssignment(node));
    expect(found.map(placeOf)).toEqual([]);
    expect(linesWith(all, /^export default\b/)).toEqual([]);
  });

  it('has no any', () => {
    const found = all
      .flatMap((path) => nodesOf(parseSource(path)))
      .filter(({ kind }) => kind === ts.SyntaxKind.AnyKeyword);
    expect(found.map(placeOf)).toEqual([]);
  });

  it('has no classes that inherit, but for the one error', () => {
    const heirs = code
      .flatMap((path) => nodesOf(parseSource(path)))
      .filter((node) => ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ExtendsKeyword)
      .filter((node) => ts.isClassDeclaration(node.parent));
    expect(heirs.map((node) => node.getText())).toEqual(['extends Error']);
  });

  it('silences no check without a reason', () => {
    expect(linesWith(all, /^\s*(\/\/|\/\*)\s*@ts-(ignore|nocheck|expect-error)(?! -- \w)/)).toEqual([]);
    expect(linesWith(all, /(\/\/|\/\*)\s*eslint-disable(?!.* -- \w)/)).toEqual([]);
  });

  it('and docs leave nothing for later', () => {
    // In two pieces, so that this file is none of those found.
    const later = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`);
    const configs = listFiles(['configs/*', '*.js', '*.mjs', '.ci/*']);
    expect(linesWith([...all, ...docFiles, ...configs], later)).toEqual([]);
  });
});

describe('tests', () => {
  it('are all run: none is skipped, and none alone', () => {
    const partial =
      /\b(it|test|describe)\.(only|skip|todo|failing)\b|\b(fit|fdescribe|xit|xtest|xdescribe)\(/;
    expect(
      linesWith(
        testFiles.filter((path) => path !== 'tests/house/style.test.ts'),
        partial,
      ),
    ).toEqual([]);
  });

  it('have titles that are unique in their file', () => {
    const doubled = testFiles.flatMap((path) => {
      const titles = nodesOf(parseSource(path)).flatMap((node) => {
        if (!ts.isCallExpression(node) || !/^(it|test)$/.test(node.expression.getText())) return [];
        const [title] = node.arguments;
        const suite = suiteOf(node);
        return title && ts.isStringLiteralLike(title) ? [`${suite} ${title.text}`] : [];
      });
      return titles
        .filter((title, index) => titles.indexOf(title) !== index)
        .map((title) => `${path}: ${title}`);
    });
    expect(doubled).toEqual([]);
  });
});

function suiteOf(node: ts.Node): string {
  for (let at = node.parent; at; at = at.parent) {
    if (ts.isCallExpression(at) && /^describe\b/.test(at.expression.getText()))
      return at.arguments[0]?.getText() ?? '';
  }
  return '';
}
