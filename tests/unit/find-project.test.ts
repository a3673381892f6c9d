import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSettings } from '../../runtime/find-project';
import { makeFolder } from '../support/folder';

function folder(files: Record<string, string>): string {
  const dir = makeFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  mkdirSync(join(dir, 'deep', 'down'), { recursive: true });
  return dir;
}

describe('the project of a command', () => {
  it.each(['flexetl.yaml', 'configs/sales.yaml', 'configs/finance/ledger.yml'])(
    'is the nearest folder upwards with %s',
    (file) => {
      const dir = folder({ [file]: '' });
      expect(openSettings({}, join(dir, 'deep', 'down')).projectDir).toBe(dir);
      expect(openSettings({}, dir).stateDir).toBe(join(dir, '.flexetl'));
    },
  );

  it('is the folder itself where none is above it; other folders called configs do not count', () => {
    const down = join(folder({ 'configs/app.json': '', 'configs/.git/x.yaml': '' }), 'deep', 'down');
    expect(openSettings({}, down).projectDir).toBe(down);
  });

  it('is the one that FLEXETL_PROJECT_DIR names, whatever is above', () => {
    const dir = folder({ 'flexetl.yaml': '' });
    expect(openSettings({ FLEXETL_PROJECT_DIR: 'down' }, join(dir, 'deep')).projectDir).toBe(
      join(dir, 'deep', 'down'),
    );
  });
});

describe('the variables of a project', () => {
  it('are those of its .env; those of the process come first', () => {
    const dir = folder({ '.env': 'A=file # note\nB="two words"\n', 'flexetl.yaml': '' });
    expect(openSettings({ A: 'process' }, join(dir, 'deep')).env).toEqual({ A: 'process', B: 'two words' });
  });

  it('do not move the project', () => {
    const dir = folder({ '.env': 'FLEXETL_PROJECT_DIR=deep\n', 'flexetl.yaml': '' });
    expect(openSettings({}, dir).projectDir).toBe(dir);
  });

  it('are none where .env is a folder, as of a virtual environment', () => {
    expect(openSettings({}, folder({ '.env/pyvenv.cfg': '' })).env).toEqual({});
  });
});
