/** What the SDK and a real server say of malformed requests, as the commands tell it. */
import { Client, Connection } from '@temporalio/client';
import { explainServer } from '../../client/explain-server';
import { openHarness, type Harness } from '../support/worker-harness';

let harness: Harness;
beforeAll(async () => (harness = await openHarness({ workers: 0 })));
afterAll(() => harness.close());

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

const start = (options: object): Promise<unknown> =>
  harness.client.workflow.start('pipeline', { workflowId: 'w', taskQueue: 'nobody', args: [], ...options });

describe('a request that the server refuses', () => {
  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['is too large', () => start({ args: ['x'.repeat(3 * 1024 * 1024)] }), /size|large/i],
    ['has an unknown search attribute', () => start({ searchAttributes: { Nope: ['x'] } }), /Nope/],
    [
      'has a value of another type',
      () => start({ searchAttributes: { TemporalScheduledStartTime: ['x'] } }),
      /type|Temporal/i,
    ],
    ['has too long a workflow id', () => start({ workflowId: 'w'.repeat(2000) }), /length|long/i],
    ['asks for the impossible', () => harness.client.workflow.count('What = 1'), /What/],
  ])('because it %s is SERVER_REFUSED, in the words of the server', async (_, request, says) => {
    const known = explainServer(await errorOf(request()));
    expect(known).toMatchObject({ code: 'SERVER_REFUSED', message: expect.stringMatching(says) as string });
  });

  it('is not one that has got no answer', async () => {
    const connection = Connection.lazy({ address: '127.0.0.1:1' });
    const client = new Client({ connection });
    const asked = client.withDeadline(Date.now() + 500, () => client.workflow.getHandle('w').describe());
    expect(explainServer(await errorOf(asked))).toMatchObject({ code: 'SERVER_UNREACHABLE' });
    await connection.close();
  });

  it('is not an error of ours', () => {
    expect(explainServer(new TypeError('x is not a function'))).toBeUndefined();
    expect(explainServer(undefined)).toBeUndefined();
  });
});
