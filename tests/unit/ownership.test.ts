import { assertOwn } from '../../activities/ownership';
import { readSettings } from '../../runtime/settings';

const deps = { settings: readSettings({}, '/srv/shop_b') };
const owner = { project: 'shop-b', staging: 'host-2' };
const refusalOf = (run: object): unknown => {
  try {
    assertOwn(deps, owner, run);
    return undefined;
  } catch (error) {
    return error;
  }
};

describe('a worker', () => {
  it('works for its own project and staging store, and for a run that names neither yet', () => {
    for (const run of [owner, {}, { project: 'shop-b' }]) expect(refusalOf(run)).toBeUndefined();
  });

  it('refuses a run of another project, and names both and its folder', () => {
    expect(refusalOf({ ...owner, project: 'shop-a' })).toMatchObject({
      code: 'WRONG_WORKER',
      message: 'The run belongs to project shop-a; this worker works for project shop-b, in /srv/shop_b.',
    });
  });

  it('refuses a run of another staging store, and names both and its folder', () => {
    expect(refusalOf({ ...owner, staging: 'host-1' })).toMatchObject({
      code: 'WRONG_WORKER',
      message:
        'The run is staged in store host-1; this worker has store host-2, in /srv/shop_b/.flexetl/staging.',
    });
  });
});
