/** How long the embedded server keeps finished runs: the dev server by itself forgets them after a day. */
import { msNumberToTs } from '@temporalio/common/lib/time';
import { Connection } from '@temporalio/client';
import { LIMITS } from '../pipeline/limits';
import type { ServerConnection } from './named-server';

/** Also changes a database that a server without this setting has made. Rejects when the server does not answer. */
export async function keepHistory(server: ServerConnection, namespace: string): Promise<void> {
  const connection = Connection.lazy({ ...server, interceptors: [] });
  try {
    await connection.withDeadline(Date.now() + LIMITS.serverConnectMs, () =>
      connection.workflowService.updateNamespace({
        namespace,
        config: { workflowExecutionRetentionTtl: msNumberToTs(LIMITS.historyKeepMs) },
      }),
    );
  } finally {
    await connection.close();
  }
}
