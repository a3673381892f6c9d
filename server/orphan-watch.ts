/** The server's start script: ends a server whose users were all killed, since a command that gets SIGKILL cannot do it. */
import { LIMITS } from '../pipeline/limits';
import { SEARCH_ATTRIBUTES } from '../pipeline/search-attributes';
import type { Ports } from './ports';

const ATTRIBUTES = Object.entries(SEARCH_ATTRIBUTES).map(
  ([name, type]) => `--search-attribute ${name}=${type}`,
);

/**
 * The shell becomes the server, so there is no moment in which the server has no watch. The watch is a shell too: a process
 * of Node would take 40 MB for as long as the server runs. It works in `.flexetl`, also when the project is moved, and it
 * is in the server's process group: it ends with the server, and as long as it runs no other process gets the server's id.
 * A server that a command joins just when it is ended is started again by that command. Without the folder `users` nobody
 * keeps a list of users, and there is no watch.
 *
 * Of the database: measured, the first start takes 0.3 s instead of 1 s, and five times as many workflows start; safe after
 * any kill.
 *
 * A new database has the search attributes of runs from the start; in an older one workers create them.
 *
 * What is special to this server comes in variables: in the arguments it would make the watch look like the server in
 * the process list.
 */
export const WATCHED_SERVER = `
watch() {
  alone=0
  while kill -0 $$; do
    alone=$((alone + 1))
    for user in users/*; do
      pid=\${user#users/}
      kill -0 "\${pid%%~*}" && alone=0
    done
    if [ "$alone" -gt "$ORPHAN_SECONDS" ]; then
      if grep -q "\\"pid\\":$$," server.json; then rm -f server.json; fi
      kill -s KILL -- -$$
    fi
    sleep 1
  done
}
[ -d users ] && watch >/dev/null 2>&1 &
set -- "$BINARY" server start-dev --ip 127.0.0.1 --port "$PORT" --ui-port "$UI_PORT" \\
  --db-filename "$DATABASE" --log-level error \\
  --sqlite-pragma journal_mode=WAL --sqlite-pragma synchronous=NORMAL \\
  ${ATTRIBUTES.join(' ')}
unset BINARY PORT UI_PORT DATABASE ORPHAN_SECONDS
exec "$@"`;

/** The variables of the script. */
export function watchedServerEnv(
  binary: string,
  { port, uiPort }: Ports,
  database: string,
): Record<string, string> {
  return {
    BINARY: binary,
    PORT: String(port),
    UI_PORT: String(uiPort),
    DATABASE: database,
    ORPHAN_SECONDS: String(Math.ceil(LIMITS.serverOrphanMs / 1000)),
  };
}
