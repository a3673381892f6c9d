/** The files of deploy/: the manifests by a checker that carries its schemas, the compose file by the compose tool. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { assert } from './expect';
import { must, run } from './engine';
import type { Bench, Check } from './run';

export const deployChecks: readonly Check[] = [
  ['the Kubernetes manifests are valid, strictly', validateManifests],
  [
    'the production compose file is valid, needs its secrets, and gives each to whom it belongs',
    validateProduction,
  ],
];

/** Read by kubectl itself, or defined by KEDA: the checker knows only what every cluster has. */
const NOT_CHECKED = ['kustomization.yaml', 'keda.yaml'];

async function validateManifests({ dir }: Bench): Promise<string> {
  const venv = join(dir, '.venv-kubernetes');
  await must(['python3', '-m', 'venv', venv], { cwd: dir });
  await must([join(venv, 'bin/pip'), 'install', '--quiet', 'kubernetes-validate'], { cwd: dir });
  const folder = join(dir, 'deploy/kubernetes');
  const files = readdirSync(folder).filter((name) => !NOT_CHECKED.includes(name));
  const validate = [join(venv, 'bin/kubernetes-validate'), '--strict', ...files];
  const { code, output } = await run(validate, { cwd: folder });
  assert(code === 0, output);
  return output.trim().replace(/^INFO /gm, '');
}

/** Stands in the production .env as the password of Temporal's database. */
const DB_PASSWORD = 'password-for-this-check';
const TOKEN = 'token-for-this-check';

async function validateProduction({ engine, dir }: Bench): Promise<string> {
  const cwd = join(dir, 'deploy/production');
  const config = [...engine.compose, 'config'];
  const refused = await run(config, { cwd });
  assert(refused.code !== 0 && refused.output.includes('FLEXETL_IMAGE'), refused.output.slice(-500));
  writeFileSync(
    join(cwd, '.env'),
    readFileSync(join(cwd, '.env.example'), 'utf8').replace(
      /^(TEMPORAL_DB_PASSWORD)=.*$/m,
      `$1=${DB_PASSWORD}`,
    ),
  );
  writeFileSync(join(cwd, 'pipelines.env'), `API_TOKEN=${TOKEN}\n`);
  const { services } = parse(await must(config, { cwd })) as { services: Record<string, ComposeService> };
  const knowing = (secret: string): string[] =>
    Object.keys(services).filter((name) => environmentOf(cwd, services[name]).includes(secret));
  const found = `without .env: ${refused.output.trim().split('\n').at(-1)}
with it: ${Object.keys(services).join(', ')}
know the password of Temporal's database: ${knowing(DB_PASSWORD).join(', ')}
know what pipelines name: ${knowing(TOKEN).join(', ')}`;
  assert(knowing(DB_PASSWORD).sort().join() === 'postgres,temporal', found);
  // The service `flexetl` is in a profile, which only some tools print.
  assert(knowing(TOKEN).includes('worker') && !knowing(TOKEN).includes('temporal'), found);
  const open = Object.values(services).flatMap(({ ports = [] }) => ports.filter((port) => !isLoopback(port)));
  assert(open.length === 0, `reached from other machines: ${JSON.stringify(open)}`);
  return found;
}

interface ComposeService {
  env_file?: string | readonly (string | { path: string })[];
  environment?: Record<string, unknown>;
  ports?: readonly (string | { host_ip?: string })[];
}

/** All that a container of the service gets, from the file itself and from those it names. */
function environmentOf(cwd: string, { env_file = [], environment = {} }: ComposeService = {}): string {
  const files = typeof env_file === 'string' ? [env_file] : env_file;
  const paths = files.map((file) => resolve(cwd, typeof file === 'string' ? file : file.path));
  return [JSON.stringify(environment), ...paths.map((path) => readFileSync(path, 'utf8'))].join('\n');
}

function isLoopback(port: string | { host_ip?: string }): boolean {
  return typeof port === 'string' ? port.startsWith('127.0.0.1:') : port.host_ip === '127.0.0.1';
}
