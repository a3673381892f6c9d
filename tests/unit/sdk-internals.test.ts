import { version } from '@temporalio/worker/package.json';
import { globalHandlers } from '@temporalio/worker/lib/workflow/vm-shared';
import {
  CHECKED_SDK_VERSION,
  oneThreadOptions,
  SDK_MODULES,
  stopWatchingPromises,
} from '../../worker/sdk-internals';

const SDK = '@temporalio/worker/lib';

afterEach(() => jest.restoreAllMocks());

describe("the SDK's inside", () => {
  it('was checked on the version that is installed; after an upgrade check worker/sdk-internals.ts again', () => {
    expect(version).toBe(CHECKED_SDK_VERSION);
  });

  it('has what is used of it', () => {
    const uninstall = jest.spyOn(globalHandlers, 'uninstall').mockReturnValue();
    stopWatchingPromises();
    expect(uninstall).toHaveBeenCalledTimes(1);
    expect(oneThreadOptions()).toEqual({ debugMode: true });
    expect(require.resolve(SDK_MODULES.workflowThreadEntry)).toBe(
      require.resolve(`${SDK}/workflow/workflow-worker-thread`),
    );
    for (const path of [`${SDK}/workflow/bundler`, `${SDK}/debug-replayer`]) {
      expect(path).toMatch(SDK_MODULES.unused);
      expect(() => require.resolve(path)).not.toThrow();
    }
    expect(jest.requireActual(SDK_MODULES.nativeEntry)).toHaveProperty('getPrebuiltPath');
  });

  it('is left alone in any other version', () => {
    const uninstall = jest.spyOn(globalHandlers, 'uninstall').mockReturnValue();
    stopWatchingPromises('1.99.0');
    expect(uninstall).not.toHaveBeenCalled();
    expect(oneThreadOptions('1.99.0')).toEqual({});
  });
});
