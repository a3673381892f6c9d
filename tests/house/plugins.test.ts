import ts from 'typescript';
import { PLUGINS } from '../../worker/plugins';
import { listFiles, nodesOf, parseSource, readText } from './repository';

const KINDS = [
  { kind: 'source', dir: 'sources', declare: 'defineSource', listed: PLUGINS.sources },
  { kind: 'target', dir: 'targets', declare: 'defineTarget', listed: PLUGINS.targets },
  { kind: 'transform', dir: 'pipeline/transforms', declare: 'defineTransform', listed: PLUGINS.transforms },
];

/** Files of a kind that declare a plugin, with the names of what they export so. */
function declaredIn(dir: string, declare: string): { path: string; exports: string[] }[] {
  return listFiles([`${dir}/*.ts`])
    .map((path) => ({ path, exports: exportsMadeBy(path, declare) }))
    .filter(({ exports }) => exports.length > 0);
}

function exportsMadeBy(path: string, declare: string): string[] {
  return nodesOf(parseSource(path)).flatMap((node) => {
    const call = ts.isVariableDeclaration(node) ? node.initializer : undefined;
    if (!call || !ts.isCallExpression(call) || call.expression.getText() !== declare) return [];
    return [(node as ts.VariableDeclaration).name.getText()];
  });
}

const fileName = (path: string): string => path.split('/').at(-1)?.replace(/\.ts$/, '') ?? '';
const camelCase = (type: string): string =>
  type.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

describe.each(KINDS)('every $kind', ({ kind, dir, declare, listed }) => {
  const declared = declaredIn(dir, declare);

  it('has a file of its own that is named like its type, and stands in the list', () => {
    expect(declared.map(({ path }) => fileName(path)).sort()).toEqual(listed.map(({ type }) => type).sort());
  });

  it.each(declared)('is the one export of $path, named like its type', ({ path, exports }) => {
    expect(exports).toEqual([camelCase(fileName(path))]);
  });

  it.each(declared)('is under 100 lines: $path', ({ path }) => {
    expect(readText(path).split('\n').length).toBeLessThanOrEqual(100);
  });

  it.each(listed.map(({ type }) => type))('is documented: %s', (type) => {
    expect(readText('docs/configuration.md')).toContain(`\n### ${kind}: ${type}\n`);
  });
});
