/** The files of deploy/: the manifests by a checker that carries its schemas, the compose file by the compose tool. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { assert } from './expect';
import { must, run } from './engine';
import type { Bench, Check } from './run';

export const deployChecks: readonly Check[] = [
  ['the Kubernetes manifests are valid, strictly', validateManifests],
  ['the production compose file is valid, and refuses to start without its secrets', validateProduction],
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

async function validateProduction({ engine, dir }: Bench): Promise<string> {
  const cwd = join(dir, 'deploy/production');
  const config = [...engine.compose, 'config'];
  const refused = await run(config, { cwd });
  assert(refused.code !== 0 && refused.output.includes('FLEXETL_IMAGE'), refused.output.slice(-500));
  writeFileSync(join(cwd, '.env'), 'TEMPORAL_DB_PASSWORD=for-this-check\n');
  const env = {
    FLEXETL_IMAGE: 'registry.example.com/flexetl:v0.2.0',
    FLEXETL_USER: '1000:1000',
    FLEXETL_PROJECT: dir,
    FLEXETL_STAGING: dir,
  };
  const text = await must(config, { cwd, env });
  const { services } = parse(text) as { services: Record<string, unknown> };
  return `without .env: ${refused.output.trim().split('\n').at(-1)}\nwith it: ${Object.keys(services).join(', ')}`;
}
