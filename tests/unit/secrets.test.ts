import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecrets } from '../../runtime/secrets';
import { makeFolder } from '../support/folder';

const dir = makeFolder();

function file(content: string): string {
  const path = join(dir, String(content.length));
  writeFileSync(path, content);
  return path;
}

describe('a secret', () => {
  it('is the variable of its name, as it stands', async () => {
    const secrets = createSecrets({ PASSWORD: ' hunter2\n', PASSWORD_FILE: '/nowhere' });
    expect(await secrets('PASSWORD')).toBe(' hunter2\n');
  });

  it.each([
    ['hunter2', 'hunter2'],
    ['hunter2\n', 'hunter2'],
    ['hunter2\r\n', 'hunter2'],
    [' hunter2 \n\n', ' hunter2 \n'],
    ['-----BEGIN\nKEY-----\n', '-----BEGIN\nKEY-----'],
  ])('is in a file, without one line break at its end: %j', async (content, expected) => {
    expect(await createSecrets({ PASSWORD: '', PASSWORD_FILE: file(content) })('PASSWORD')).toBe(expected);
  });

  it('that was exchanged is the new one', async () => {
    const path = join(dir, 'exchanged');
    const secrets = createSecrets({ PASSWORD_FILE: path });
    for (const content of ['first', 'second']) {
      writeFileSync(path, content);
      expect(await secrets('PASSWORD')).toBe(content);
    }
  });

  it.each([
    [{}, 'neither PASSWORD nor PASSWORD_FILE is set'],
    [{ PASSWORD: '' }, 'neither PASSWORD nor PASSWORD_FILE is set'],
    [{ PASSWORD_FILE: join(dir, 'none') }, 'cannot be read: ENOENT'],
    [{ PASSWORD_FILE: file('\n') }, 'is empty'],
  ])('that is not there says where it was looked for: %j', async (env, says) => {
    await expect(createSecrets(env)('PASSWORD')).rejects.toMatchObject({
      code: 'SECRET_MISSING',
      message: expect.stringContaining(says) as string,
      hint: expect.stringContaining('every worker') as string,
    });
  });
});
