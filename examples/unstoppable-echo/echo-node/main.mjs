// Unstoppable Echo, in Node: `GET /hi!` answers a page that says `hi! right back at ya!`.
// What all five services promise is written in ../README.md.

import { Log } from './log.mjs';
import { createEchoServer } from './server.mjs';
import { readSettings } from './settings.mjs';

// How long a request that is under way may take to end once we are told to stop.
const GRACE_MS = 5000;

function fail(error) {
  process.stderr.write(`echo-node: ${error.message}\n`);
  process.exit(1);
}

function main() {
  const settings = readSettings(process.env);
  const log = new Log(process.stdout, settings.logLevel);
  // A reader of the log that went away is no reason to stop serving.
  process.stdout.on('error', () => {});

  const { server, stop } = createEchoServer(log);
  server.on('error', fail);
  server.listen({ host: settings.host, port: settings.port }, () => {
    const { address, port } = server.address();
    log.event('info', `listening on ${address}:${port}`);
  });

  let stopping = false;
  const onSignal = async () => {
    if (stopping) return;
    stopping = true;
    log.event('info', 'stopping');
    const unfinished = await stop(GRACE_MS);
    if (unfinished > 0) log.event('warn', `${unfinished} connections were still open after the grace time`);
    log.event('info', 'stopped');
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

try {
  main();
} catch (error) {
  fail(error);
}
