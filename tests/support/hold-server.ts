/** A command as far as its server goes: acquires it, says so in one line of JSON, holds it until stdin ends. */
import { acquireServer } from '../../server/connect';

async function main(): Promise<void> {
  const [projectDir = '', localPort = '1'] = process.argv.slice(2);
  const log = (message: string): void => void process.stderr.write(`${message}\n`);
  const server = await acquireServer({ projectDir, env: process.env, localPort: Number(localPort), log });
  process.stdout.write(`${JSON.stringify({ address: server.address, kind: server.kind })}\n`);
  process.stdin.resume().once('end', () => void server.release());
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 3;
});
