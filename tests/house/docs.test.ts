import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { main } from '../../client/cli';
import { parsePipelineText } from '../../pipeline/config/parse';
import { ERROR_CODES } from '../../pipeline/errors';
import { PLUGINS as plugins } from '../../worker/plugins';
import { docFiles, listFiles, productFiles, PROJECT_DIR, readJson, readText } from './repository';

const { scripts } = readJson<{ scripts: Record<string, string> }>('package.json');
const ci = readText('.ci/run');

/** What a command, or the command line as a whole, says of itself. */
async function helpOf(...command: string[]): Promise<string> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const streams = { stdout, stderr, env: {}, cwd: PROJECT_DIR, onInterrupt: () => () => undefined };
  expect([command, await main([...command, '--help'], streams)]).toEqual([command, 0]);
  return String(stdout.read());
}

/** Commands that are made of others. */
const PARTED: ReadonlySet<string> = new Set(['dlq']);

/** Commands as they are typed, in code of any kind: the name, and what stands behind it. */
function commandsShown(path: string): { command: string; rest: string }[] {
  const text = readText(path);
  const named = text.matchAll(/(?:^|`|npm run (?:-s )?)flexetl (?:-- )?([a-z]+)\b([^`\n]*)/gm);
  const runs = text.matchAll(/npm run (?:-s )?start-workflow --( [^`\n]*)/g);
  return [
    ...[...named].map(([, command = '', rest = '']) => ({ command, rest })),
    ...[...runs].map(([, rest = '']) => ({ command: 'run', rest })),
  ];
}

/** Fenced blocks of a language. */
function blocksOf(path: string, language: string): string[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...readText(path).matchAll(pattern)].map(([, text = '']) => text);
}

/** Lines of shell blocks, comments off. */
function commandsOf(path: string): string[] {
  return blocksOf(path, 'sh')
    .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
    .map((line) =>
      line
        .replace(/\s#.*$/, '')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '');
}

describe('README.md', () => {
  it('has only commands that CI runs', () => {
    const commands = commandsOf('README.md').filter((command) => !command.startsWith('git clone '));
    expect(commands.length).toBeGreaterThan(8);
    expect(commands.filter((command) => !ci.includes(command))).toEqual([]);
  });

  it('shows a pipeline of 20 lines that is valid', () => {
    const [text = '', ...others] = blocksOf('README.md', 'yaml');
    expect(others).toEqual([]);
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(20);
    const config = parsePipelineText({ text, file: 'README.md', env: {}, plugins });
    expect(config).toMatchObject({ name: 'sales', source: { type: 'csv' }, targets: [{ type: 'sqlite' }] });
  });

  it('lists every command of the command line, and no other', async () => {
    const help = await helpOf();
    const offered = [...help.slice(help.indexOf('Commands:')).matchAll(/^ {2}([a-z]+)/gm)].map(
      ([, name]) => name,
    );
    const table = readText('README.md')
      .split('\n')
      .filter((line) => /^\| `[a-z]+[ `]/.test(line));
    const listed = table.flatMap((line) =>
      [...(line.split('|')[1] ?? '').matchAll(/`([a-z]+)/g)].map(([, name]) => name),
    );
    expect([...new Set(listed)].sort()).toEqual(offered.filter((name) => name !== 'help').sort());
  });
});

describe('CONTRIBUTING.md', () => {
  it('shows a whole transform as it is', () => {
    expect(blocksOf('CONTRIBUTING.md', 'ts')).toEqual([readText('pipeline/transforms/select.ts')]);
  });
});

describe('documents', () => {
  it.each(docFiles)('%s names only scripts that there are', (path) => {
    const named = [...readText(path).matchAll(/\bnpm run (?:-s )?([a-z][a-z:-]*)/g)].map(
      ([, name = '']) => name,
    );
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('show only commands and options that there are', async () => {
    const shown = docFiles.flatMap((path) => commandsShown(path).map((one) => ({ path, ...one })));
    expect(shown.length).toBeGreaterThan(40);
    const unknown: string[] = [];
    for (const { path, command, rest } of shown) {
      const [, part] = (PARTED.has(command) && /^ ([a-z]+)/.exec(rest)) || [];
      const words = [command, ...(part === undefined ? [] : [part])];
      const help = await helpOf(...words);
      // Of a command that there is not, the help is that of the whole.
      if (!help.startsWith(`Usage: flexetl ${words.join(' ')} `)) unknown.push(`${path}: ${words.join(' ')}`);
      const options = help.match(/^ {2}.*--[a-z-]+/gm)?.join() ?? '';
      for (const [option] of rest.matchAll(/--[a-z][a-z-]*/g))
        if (!options.split(/[ ,]+/).includes(option)) unknown.push(`${path}: ${command} ${option}`);
    }
    expect(unknown).toEqual([]);
  });

  it.each(docFiles)('%s links only to what is there', (path) => {
    const prose = readText(path).replace(/^```[\s\S]*?^```$/gm, '');
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = links.filter((target) => !/^https?:/.test(target) && !leadsSomewhere(path, target));
    expect(broken).toEqual([]);
  });

  it('are decisions of at most 40 lines, each in four parts', () => {
    const decisions = listFiles(['docs/decisions/*.md']);
    expect(decisions.map((path) => Number(path.slice('docs/decisions/'.length).slice(0, 4)))).toEqual(
      decisions.map((_, index) => index + 1),
    );
    for (const path of decisions) {
      expect(readText(path).trimEnd().split('\n').length).toBeLessThanOrEqual(40);
      const headings = readText(path).match(/^## .*$/gm);
      expect(headings).toEqual(['## Context', '## Decision', '## Alternatives', '## Consequence']);
    }
  });

  it('of the contract name tests that there are', () => {
    const text = readText('docs/architecture.md');
    const proofs = [...text.matchAll(/\]\(\.\.\/(tests\/[^)]+)\) “([^”]+)”/g)];
    expect(proofs.length).toBeGreaterThan(15);
    const gone = proofs.filter(([, path = '', title = '']) => !readText(path).includes(title));
    expect(gone.map(([proof]) => proof)).toEqual([]);
    for (const promise of ['C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C7', 'C8']) {
      expect(text.split('\n').find((line) => line.startsWith(`| **${promise} `))).toContain('](../tests/');
    }
  });

  it('of the forty faults name tests that there are', () => {
    const rows = readText('docs/faults.md')
      .split('\n')
      .filter((line) => /^\| +\d+ +\|/.test(line));
    expect(rows).toHaveLength(40);
    const gone: string[] = [];
    const untested: string[] = [];
    for (const row of rows) {
      const proofs = [...row.matchAll(/\]\(\.\.\/(tests\/[^)]+)\) “([^”]+)”/g)];
      gone.push(...proofs.filter(([, path = '', title = '']) => !readText(path).includes(title)).map(String));
      if (proofs.length === 0) untested.push(row);
    }
    expect(gone).toEqual([]);
    for (const row of untested) expect(row).toMatch(/not (tested|built yet)/);
    expect(untested.length).toBeLessThanOrEqual(2);
  });

  it('of the architecture name limits that there are', () => {
    const text = readText('docs/architecture.md') + listFiles(['docs/decisions/*.md']).map(readText).join('');
    const limits = [...text.matchAll(/`([a-z][A-Za-z]+(?:Max|Default|Min|Ms))`/g)].map(
      ([, name = '']) => name,
    );
    expect(limits.filter((name) => !readText('pipeline/limits.ts').includes(`  ${name}:`))).toEqual([]);
  });
});

function leadsSomewhere(from: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? from : join(dirname(from), path);
  if (!existsSync(join(PROJECT_DIR, target))) return false;
  if (anchor === undefined || statSync(join(PROJECT_DIR, target)).isDirectory()) return anchor === undefined;
  const anchors = (readText(target).match(/^#+ .*$/gm) ?? []).map((heading) =>
    heading
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
  return anchors.includes(anchor);
}

describe('docs/troubleshooting.md', () => {
  it('explains every error code, with its exit code, and no other', () => {
    const sections = readText('docs/troubleshooting.md').split(/^### /m).slice(1);
    const explained = sections.map((section) => [
      section.split('\n')[0],
      Number(/^Exit (\d+)/m.exec(section)?.[1]),
    ]);
    const expected = Object.entries(ERROR_CODES).map(([code, { exit }]) => [code, exit]);
    expect(Object.fromEntries(explained)).toEqual(Object.fromEntries(expected));
  });
});

describe('.env.example', () => {
  it('names every variable of ours that the code or the compose file reads, and no other', () => {
    const read = productFiles.flatMap((path) => readText(path).match(/'(FLEXETL|TEMPORAL)_[A-Z_]+'/g) ?? []);
    const named = readText('.env.example').match(/^#(FLEXETL|TEMPORAL)_[A-Z_]+(?==)/gm) ?? [];
    const interpolated = readText('docker-compose.yml').match(/(?<=\$\{)(FLEXETL|TEMPORAL)_[A-Z_]+/g) ?? [];
    const ours = new Set([...read.map((name) => name.slice(1, -1)), ...interpolated]);
    const names = named.map((line) => line.slice(1)).sort();
    // The connection to Temporal is read by Temporal's own library.
    const library = join(dirname(require.resolve('@temporalio/envconfig')), 'envconfig-toml.js');
    const theirs = new Set(readFileSync(library, 'utf8').match(/(?<=')TEMPORAL_[A-Z_]+(?=')/g));
    expect(names.filter((name) => !theirs.has(name) || ours.has(name))).toEqual([...ours].sort());
  });
});
