/** `npm run test:faults -- --seeds N [--first F] [--together T]`: one line of JSON for each seed, and one for all. */
import { parseArgs } from 'node:util';
import { makeFolder, removeFolder, removeFolders } from '../../support/folder';
import { closeOwnProjects } from '../../support/own-server';
import { queryPostgresql, startPostgresql, urlOf } from '../../support/postgresql';
import { canMount } from './faults';
import { playUndisturbed, type World } from './play-seed';
import { playSeeds, summarize } from './play-seeds';

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '20' },
      first: { type: 'string', default: '1' },
      together: { type: 'string', default: '4' },
    },
  });
  const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => Number(values.first) + index);
  const dir = makeFolder();
  const mounts = canMount(dir);
  if (!mounts) process.stderr.write('No right to mount: no disk is filled.\n');
  const own = await startPostgresql(dir, { fsync: 'on', max_connections: '100' });
  const world: World = {
    patience: 1,
    crashes: true,
    mounts,
    database: async (name) => {
      const database = name.replaceAll(/\W/g, '_');
      await queryPostgresql(own.url, `CREATE DATABASE ${database}`);
      return urlOf(own.server, database);
    },
  };
  try {
    const undisturbed = await playUndisturbed(world);
    const reports = await playSeeds(seeds, Number(values.together), world, undisturbed, (report) =>
      process.stdout.write(`${JSON.stringify(report)}\n`),
    );
    process.stdout.write(`${summarize(reports)}\n`);
    return reports.every(({ wrong }) => wrong.length === 0);
  } finally {
    await closeOwnProjects();
    await own.end();
    removeFolder(dir);
    removeFolders();
  }
}

main().then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
    process.exit(1);
  },
);
