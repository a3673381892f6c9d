/** The image by itself: how long it takes to build, what is in it, and as whom and with what rights it runs. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGzip } from 'node:zlib';
import { createReadStream } from 'node:fs';
import { assert, readSalesTable, sampleTruth, spoil } from './expect';
import { must, run, until } from './engine';
import type { Bench, Check } from './run';

const BUILD_SECONDS_MAX = 120;
const COMPRESSED_MB_MAX = 120;
const SOURCE = 'https://git.example.com/flexetl';
const LABELS = ['title', 'description', 'version', 'revision', 'source', 'licenses'];

export const imageChecks: readonly Check[] = [
  ['the image builds without a cache in under two minutes', buildWithoutCache],
  ['the image is smaller than 120 MB compressed', measureSize],
  ['the image names its user, labels, entrypoint and health check', inspectImage],
  ['it carries a list of its packages, of all that are in it and no other', compareSbom],
  ['no layer holds a secret, a tool to get root with, or a package manager', searchLayers],
  ['it runs on a read-only root, without capabilities, as any user', runLockedDown],
  ['one container runs the sales pipeline as printed in brd.txt', runStandalone],
  ['a lone container keeps no rights and runs as the owner of output/', watchStandalone],
];

async function buildWithoutCache({ engine, dir, env }: Bench): Promise<string> {
  const build = (options: string[]): string[] => [
    engine.cli,
    'build',
    ...engine.buildOptions,
    ...options,
    '.',
  ];
  const args = ['VERSION=0.0.0-check', `REVISION=check`, `SOURCE=${SOURCE}`].flatMap((arg) => [
    '--build-arg',
    arg,
  ]);
  const options = { cwd: dir, env, timeoutMs: 900_000 };
  const { code, output, ms } = await run(
    build(['--no-cache', '--target', 'worker', ...args, '-t', 'flexetl:worker']),
    options,
  );
  assert(code === 0, output.split('\n').slice(-20).join('\n'));
  const rest = performance.now();
  await must(build([...args, '-t', 'flexetl:latest']), options);
  await must(build(['--target', 'test', '-t', 'flexetl:test']), options);
  const seconds = ms / 1000;
  const found = `worker: ${seconds.toFixed(0)} s without a cache; standalone and test after it: ${((performance.now() - rest) / 1000).toFixed(0)} s`;
  assert(seconds < BUILD_SECONDS_MAX, found);
  return found;
}

async function measureSize({ engine, dir, env }: Bench): Promise<string> {
  const layers = await readLayers({ engine, dir, env }, 'flexetl:worker');
  const total = (key: 'bytes' | 'gzipBytes'): number => layers.reduce((sum, layer) => sum + layer[key], 0);
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(1).padStart(7);
  const found = [
    `${mb(total('gzipBytes'))} MB compressed ${mb(total('bytes'))} MB unpacked  in ${layers.length} layers`,
    ...layers
      .filter((layer) => layer.bytes > 100_000)
      .map((layer) => `${mb(layer.gzipBytes)} MB            ${mb(layer.bytes)} MB           ${layer.made}`),
    'the large parts, unpacked:',
    await listLargeParts({ engine, dir, env }),
  ].join('\n');
  assert(total('gzipBytes') < COMPRESSED_MB_MAX * 1e6, found);
  return found;
}

type Parts = Pick<Bench, 'engine' | 'dir' | 'env'>;

async function listLargeParts({ engine, dir, env }: Parts): Promise<string> {
  const script = `du -xam /usr /opt /app 2>/dev/null | sort -rn | awk '$1 >= 8' | grep -E '/(node|[^/]*\\.so[^/]*|[^/]*\\.node)$|/opt/flexetl/(node_modules(/[^/@]*|/@[^/]*/[^/]*)?|dist)$' | head -16`;
  const listed = await must(
    [engine.cli, 'run', '--rm', '--entrypoint', 'sh', 'flexetl:worker', '-c', script],
    { cwd: dir, env },
  );
  return listed
    .trim()
    .split('\n')
    .map((line) => line.replace(/^(\d+)\s+/, (_, size: string) => `${size.padStart(7)} MB  `))
    .join('\n');
}

interface Layer {
  made: string;
  bytes: number;
  gzipBytes: number;
}

async function readLayers({ engine, dir, env }: Parts, image: string): Promise<Layer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'flexetl-image-'));
  try {
    const archive = join(folder, 'image.tar');
    await must([engine.cli, 'save', '-o', archive, image], { cwd: dir, env, timeoutMs: 300_000 });
    await must(['tar', '-xf', archive, '-C', folder], { cwd: dir });
    const json = <T>(name: string): T => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T;
    const [manifest] = json<{ Config: string; Layers: string[] }[]>('manifest.json');
    assert(manifest, 'The saved image has no manifest.');
    const { history } = json<{ history: { created_by: string; empty_layer?: boolean }[] }>(manifest.Config);
    const made = history.filter((step) => !step.empty_layer).map((step) => describeStep(step.created_by));
    const layers: Layer[] = [];
    for (const [index, name] of manifest.Layers.entries()) {
      const file = join(folder, name);
      const gzipBytes = await gzippedBytes(file);
      layers.push({ made: made[index] ?? '?', bytes: statSync(file).size, gzipBytes });
    }
    return layers;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In the order of the Dockerfile; the builders write a COPY in their own ways. */
function describeStep(command: string): string {
  return command
    .replace(/^.*#\(nop\)\s*/, '')
    .replace(/(dir|file):[0-9a-f]{12,}/, '…')
    .slice(0, 90)
    .trim();
}

function gzippedBytes(file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    createReadStream(file)
      .on('error', reject)
      .pipe(createGzip({ level: 6 }))
      .on('data', (piece: Buffer) => (bytes += piece.length))
      .on('end', () => resolve(bytes));
  });
}

interface ImageConfig {
  User?: string;
  Entrypoint?: string[];
  Cmd?: string[];
  Labels?: Record<string, string>;
  Env?: string[];
  Healthcheck?: { Test?: string[] };
}

async function inspectImage({ engine, dir, env }: Bench): Promise<string> {
  const inspect = async (image: string): Promise<ImageConfig> => {
    const text = await must([engine.cli, 'image', 'inspect', image], { cwd: dir, env });
    const [found] = JSON.parse(text) as { Config: ImageConfig; Healthcheck?: ImageConfig['Healthcheck'] }[];
    assert(found, `no ${image}`);
    return { ...found.Config, ...(found.Healthcheck && { Healthcheck: found.Healthcheck }) };
  };
  const worker = await inspect('flexetl:worker');
  assert(worker.User === '1000:1000', `the user is ${worker.User}`);
  assert(worker.Entrypoint?.join() === 'flexetl', `the entrypoint is ${worker.Entrypoint?.join(' ')}`);
  assert(worker.Healthcheck?.Test?.join(' ') === 'CMD flexetl health', 'there is no health check');
  const missing = LABELS.filter((label) => !worker.Labels?.[`org.opencontainers.image.${label}`]);
  assert(missing.length === 0, `labels that are missing: ${missing.join(', ')}`);
  assert(
    worker.Labels?.['org.opencontainers.image.source'] === SOURCE,
    'the source is not what the build was told',
  );
  const temporal = await run(
    [engine.cli, 'run', '--rm', '--entrypoint', 'temporal', 'flexetl:worker', '--version'],
    { cwd: dir, env },
  );
  assert(temporal.code !== 0, 'the worker image carries the dev server');
  const standalone = await inspect('flexetl:latest');
  assert(standalone.Cmd?.join(' ') === 'run sales', `the command is ${standalone.Cmd?.join(' ')}`);
  return [
    `user ${worker.User}; entrypoint ${worker.Entrypoint?.join(' ')}; command ${worker.Cmd?.join(' ')}; health check ${worker.Healthcheck?.Test?.slice(1).join(' ')}`,
    ...LABELS.map((label) => `${label}: ${worker.Labels?.[`org.opencontainers.image.${label}`]}`),
  ].join('\n');
}

interface Sbom {
  components: { name: string; version: string; properties?: { name: string; value: string }[] }[];
}

async function compareSbom({ engine, dir, env }: Bench): Promise<string> {
  const within = (script: string): Promise<string> =>
    must([engine.cli, 'run', '--rm', '--entrypoint', 'sh', 'flexetl:worker', '-c', script], {
      cwd: dir,
      env,
    });
  const { components } = JSON.parse(await within('cat /opt/flexetl/sbom.cdx.json')) as Sbom;
  const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
  // Folders that only name the kind of their modules have a package.json too.
  const script = `
    const { globSync, readFileSync } = require('node:fs');
    const files = globSync('/opt/flexetl/node_modules/**/package.json').filter((file) =>
      /\\/node_modules\\/(@[^/]+\\/)?[^/]+\\/package.json$/.test(file));
    for (const file of files) {
      const { name, version } = JSON.parse(readFileSync(file));
      console.log(name + '@' + version);
    }
    console.log('node@' + process.versions.node);`;
  const found = new Set(
    (await within(`node -e "$(cat <<'SCRIPT'\n${script}\nSCRIPT\n)"`)).trim().split('\n'),
  );
  const unlisted = [...found].filter((one) => !listed.has(one));
  const absent = [...listed].filter((one) => !found.has(one));
  assert(
    unlisted.length + absent.length === 0,
    `in the image and not in its list: ${unlisted.join(', ')}; in the list and not in the image: ${absent.join(', ')}`,
  );
  const sqlite = [...listed].filter((one) => one.startsWith('better-sqlite3@'));
  assert(sqlite.length === 1, `bindings of SQLite: ${sqlite.join(', ')}`);
  return `${listed.size} components, those that are there; SQLite by ${sqlite.join('')}`;
}

async function searchLayers(bench: Bench): Promise<string> {
  const { engine, dir, env, secret } = bench;
  for (const image of ['flexetl:worker', 'flexetl:latest', 'flexetl:test']) {
    const archive = join(mkdtempSync(join(tmpdir(), 'flexetl-layers-')), 'image.tar');
    await must([engine.cli, 'save', '-o', archive, image], { cwd: dir, env, timeoutMs: 300_000 });
    const { code } = await run(['grep', '-qaF', secret, archive], { cwd: dir });
    rmSync(join(archive, '..'), { recursive: true, force: true });
    assert(code === 1, `the secret of .env stands in ${image}`);
  }
  const script =
    'find / -xdev \\( -perm /6000 -type f \\) -o -name .env -o -name .npmrc -o -name .git -o -name npm -type f 2>/dev/null; command -v npm npx yarn apt-get || true';
  const found = await must(
    [engine.cli, 'run', '--rm', '--entrypoint', 'sh', 'flexetl:worker', '-c', script],
    { cwd: dir, env },
  );
  assert(found.trim() === '', `found in the image: ${found}`);
  return 'the secret of .env is in no layer of any of the three images; no setuid file, no npm';
}

async function runLockedDown({ engine, dir, env }: Bench): Promise<string> {
  const locked = [
    '--read-only',
    '--tmpfs',
    '/tmp',
    '--cap-drop',
    'ALL',
    '--security-opt',
    'no-new-privileges',
    '--network',
    'none',
  ];
  const runAs = (user: string): string[] => [
    engine.cli,
    'run',
    '--rm',
    ...locked,
    '--user',
    user,
    'flexetl:worker',
    'validate',
    '--all',
  ];
  const said: string[] = [];
  for (const user of ['1000:1000', '54321:54321']) said.push(await must(runAs(user), { cwd: dir, env }));
  return said.join('').trim();
}

async function runStandalone(bench: Bench): Promise<string> {
  const { engine, dir, env, owner } = bench;
  const command = [
    engine.cli,
    'run',
    '-v',
    './data:/app/data:ro',
    '-v',
    './output:/app/output',
    'flexetl:latest',
  ];
  const { code, output, ms } = await run(command, { cwd: dir, env });
  assert(code === 0, output);
  const rows = readSalesTable(join(dir, 'output/sales.db'));
  assert(JSON.stringify(rows) === JSON.stringify(sampleTruth(dir)), 'the table is not what the sample gives');
  const uid = statSync(join(dir, 'output/sales.db')).uid;
  assert(uid === owner, `output/sales.db belongs to ${uid}, not to ${owner}`);
  spoil(dir);
  return [
    `$ ${command.join(' ')}`,
    output.trim(),
    `${(ms / 1000).toFixed(1)} s; ${rows.length} rows, all exact; the files belong to user ${uid}`,
  ].join('\n');
}

async function watchStandalone(bench: Bench): Promise<string> {
  // As the compose file has it when FLEXETL_USER is set: Podman gives that user the capabilities that are added.
  const added = ['SETUID', 'SETGID', 'SETPCAP'].flatMap((name) => ['--cap-add', name]);
  const chosen = ['--user', `${bench.owner}:${bench.owner}`, '--cap-drop', 'ALL', ...added];
  return `${await watch(bench, [], 'CapBnd')}\nwith --user and capabilities added: ${await watch(bench, chosen)}`;
}

/** Starts a lone container with these options and looks at its first process. */
async function watch(
  { engine, dir, env, owner }: Bench,
  options: readonly string[],
  ...emptyToo: string[]
): Promise<string> {
  const name = `flexetl-check-lone-${process.pid}`;
  const start = [
    'run',
    '-d',
    '--rm',
    '--name',
    name,
    '-v',
    './output:/app/output',
    ...options,
    'flexetl:latest',
    'dev',
  ];
  await must([engine.cli, ...start], { cwd: dir, env });
  try {
    const health = await until('a healthy worker', 20_000, async () => {
      const { code, output } = await run([engine.cli, 'exec', name, 'flexetl', 'health'], { cwd: dir, env });
      return code === 0 ? output.trim() : undefined;
    });
    const status = await must([engine.cli, 'exec', name, 'cat', '/proc/1/status'], { cwd: dir, env });
    const field = (key: string): string => new RegExp(`^${key}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '?';
    assert(field('Name') === 'tini', `process 1 is ${field('Name')}`);
    assert(field('Uid') === String(owner), `it runs as ${field('Uid')}, not ${owner}`);
    const empty = ['CapEff', 'CapPrm', 'CapInh', 'CapAmb', ...emptyToo];
    assert(
      empty.every((set) => Number.parseInt(field(set), 16) === 0),
      status,
    );
    return `process 1 is tini, user ${field('Uid')}; ${empty.join(', ')} are 0; no new privileges ${field('NoNewPrivs')}; ${health}`;
  } finally {
    await run([engine.cli, 'rm', '-f', name], { cwd: dir, env });
  }
}
