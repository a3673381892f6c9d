/** Documents that are done as they say, word for word, each in a project that has nothing yet. */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../support/folder';

const ROOT = join(__dirname, '..', '..');

/** The command as it is where the package is installed. */
const FLEXETL = 'flexetl() { npm run -s flexetl -- "$@"; }';

interface Step {
  commands: string;
  exit: number;
  /** Lines that its output has, times and run keys by name. */
  shown: string[];
}

/** Blocks of `sh`, each with the block of `text` that follows it. */
function readSteps(markdown: string): Step[] {
  const steps: Step[] = [];
  for (const [, language, exit, body = ''] of markdown.matchAll(/^```(\w+)(?: exit=(\d+))?\n(.*?)^```/gms)) {
    if (language === 'sh') steps.push({ commands: body, exit: Number(exit ?? 0), shown: [] });
    else if (language === 'text') steps.at(-1)?.shown.push(...body.split('\n').filter(Boolean));
    else throw new Error(`A block of ${language ?? 'nothing'} is neither run nor compared.`);
  }
  return steps;
}

function withoutTimes(output: string): string {
  return output
    .replace(/ in [\d.]+ m?s /g, ' in TIME ')
    .replace(/ run \d{4}-\S+/g, ' run RUN')
    .replace(/sha256:[0-9a-f]+/g, 'sha256:…');
}

describe.each(['tutorial', 'dead-letter-queue'])('docs/%s.md', (name) => {
  const dir = makeFolder();
  const { FLEXETL_TEST_ADDRESS: address, ...inherited } = process.env;
  const env = {
    ...inherited,
    TEMPORAL_ADDRESS: address,
    FLEXETL_TASK_QUEUE: `${name}-${process.pid}`,
    // npm keeps its compiled code in the temporary folder from Node 22 on, which a test leaves empty.
    NODE_DISABLE_COMPILE_CACHE: '1',
  };
  const steps = readSteps(readFileSync(join(ROOT, 'docs', `${name}.md`), 'utf8'));

  beforeAll(() => {
    cpSync(join(ROOT, 'package.json'), join(dir, 'package.json'));
    for (const name of ['dist', 'node_modules']) symlinkSync(join(ROOT, name), join(dir, name));
  });

  it('has steps', () => {
    expect(steps.length).toBeGreaterThan(4);
    expect(steps.flatMap((step) => step.shown).length).toBeGreaterThan(8);
  });

  it.each(steps.map((step) => [step.commands.trim().split('\n').at(-1), step] as const))(
    'works: %s',
    (_, { commands, exit, shown }) => {
      const { status, stdout, stderr } = spawnSync(
        'bash',
        ['-euo', 'pipefail', '-c', `${FLEXETL}\n${commands}`],
        {
          cwd: dir,
          env,
          encoding: 'utf8',
        },
      );
      expect([status, stderr]).toEqual([exit, expect.anything()]);
      const lines = withoutTimes(stdout + stderr).split('\n');
      expect(shown.filter((line) => !lines.includes(line))).toEqual([]);
    },
  );
});
