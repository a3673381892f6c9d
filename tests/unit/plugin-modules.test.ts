import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugins } from '../../pipeline/config/schema';
import { loadPluginModules } from '../../runtime/plugin-modules';
import { FAKE_PLUGINS } from '../support/fake-plugins';
import { makeFolder } from '../support/folder';

const projectDir = makeFolder();
const PLUGIN_INDEX = JSON.stringify(join(__dirname, '../../plugin/index.ts'));
const HEAD = `const { defineTransform, z } = require(${PLUGIN_INDEX});\n`;
const transform = (type: string): string =>
  `defineTransform({ type: '${type}', description: 'Does it.', options: z.strictObject({}), plan() {} })`;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(projectDir, path)), { recursive: true });
  writeFileSync(join(projectDir, path), text);
}

const load = (...modules: string[]) => loadPluginModules(modules, FAKE_PLUGINS, projectDir);
const added = (...modules: string[]): Record<keyof Plugins, string[]> => {
  const { plugins, problems } = load(...modules);
  expect(problems).toEqual([]);
  const typesOf = (kind: keyof Plugins): string[] =>
    plugins[kind].slice(FAKE_PLUGINS[kind].length).map(({ type }) => type);
  return {
    sources: typesOf('sources'),
    targets: typesOf('targets'),
    transforms: typesOf('transforms'),
    checks: typesOf('checks'),
  };
};

describe("a user's module", () => {
  it('adds the plugins that it exports by name, of any kind', () => {
    write(
      'all.js',
      `const { defineCheck, defineSource, defineTarget, defineTransform, z } = require(${PLUGIN_INDEX});
const about = (type) => ({ type, description: 'It.', options: z.strictObject({}) });
exports.one = defineSource({ ...about('my_source'), kind: 'records', async *read() {} });
exports.two = defineTarget({ ...about('my_target'), capabilities: {}, name() {}, mode() {}, guarantee() {}, open() {} });
exports.three = defineTransform({ ...about('my_transform'), plan() {} });
exports.four = defineCheck({ ...about('my_check'), compile: () => [] });
exports.helper = () => 5;
`,
    );
    expect(added('./all.js')).toEqual({
      sources: ['my_source'],
      targets: ['my_target'],
      transforms: ['my_transform'],
      checks: ['my_check'],
    });
  });

  it('may export a list, or be one plugin, or a plain object of the same shape', () => {
    write('list.js', `${HEAD}exports.plugins = [${transform('a')}, ${transform('b')}];\n`);
    write('single.js', `${HEAD}module.exports = ${transform('c')};\n`);
    write(
      'plain.js',
      `const { z } = require(${JSON.stringify(require.resolve('zod'))});
exports.d = { type: 'd', description: 'It.', options: z.strictObject({}), plan() {} };\n`,
    );
    expect(added('./list.js', './single.js', './plain.js').transforms).toEqual(['a', 'b', 'c', 'd']);
  });

  it('that exports a plugin twice adds it once', () => {
    write('twice.js', `${HEAD}exports.a = ${transform('a')};\nexports.plugins = [exports.a];\n`);
    expect(added('./twice.js').transforms).toEqual(['a']);
  });

  it('may be a package that the project has installed, or lie in any folder', () => {
    write('node_modules/shop-plugins/index.js', `${HEAD}exports.a = ${transform('from_package')};\n`);
    write('plugins/deep/x.js', `${HEAD}exports.a = ${transform('from_folder')};\n`);
    expect(added('shop-plugins', './plugins/deep/x.js').transforms).toEqual(['from_package', 'from_folder']);
    expect(added(join(projectDir, 'plugins/deep/x.js')).transforms).toEqual(['from_folder']);
  });

  it('is loaded once', () => {
    write('once.js', `${HEAD}exports.a = ${transform('once')};\n`);
    const [first, second] = [load('./once.js'), load('./once.js')];
    expect(second.plugins.transforms.at(-1)).toBe(first.plugins.transforms.at(-1));
  });

  it.each([
    ['that is not there', './none.js', undefined, 'the project has no such file.'],
    ['that is no package', 'none', undefined, 'the project has no such package. Install it, or write ./none'],
    ['that is a folder', './configs', undefined, 'it is not a file.'],
    ['that throws', './throws.js', 'throw new Error("no luck");', 'it cannot be loaded: no luck'],
    ['that is broken', './broken.js', 'exports.a = {', 'it cannot be loaded: '],
    ['without plugins', './empty.js', 'exports.a = 5;', 'it exports no plugin, expected exports made by'],
    ['of nothing', './nothing.js', '', 'it exports no plugin'],
    [
      'with a strange type',
      './strange.js',
      `${HEAD}exports.a = ${transform('My Own')};`,
      'the type of a plugin is "My Own"',
    ],
    [
      'without a description',
      './silent.js',
      `exports.a = { type: 'a', plan() {} };`,
      'the plugin "a" has no description, expected one sentence.',
    ],
    [
      'without options',
      './bare.js',
      `exports.a = { type: 'a', description: 'It.', plan() {} };`,
      'the options of the plugin "a" are not a z.strictObject.',
    ],
    [
      'with a type that is taken',
      './taken.js',
      `${HEAD}exports.a = ${transform('filter')};`,
      'the transform "filter" exists already, expected another type.',
    ],
  ])('%s says so', (_what, module, text, says) => {
    mkdirSync(join(projectDir, 'configs'), { recursive: true });
    if (text !== undefined) write(module, text);
    const { plugins, problems } = load('./list.js', module);
    expect(problems).toEqual([
      { index: 1, message: expect.stringContaining(`${module}: ${says}`) as string },
    ]);
    expect(plugins.transforms.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['drop_nulls', 'a', 'b']),
    );
  });

  it('that two modules give the same type is told of the second', () => {
    write('same.js', `${HEAD}exports.x = ${transform('b')};\n`);
    expect(load('./list.js', './same.js').problems).toEqual([
      { index: 1, message: './same.js: the transform "b" exists already, expected another type.' },
    ]);
  });
});
