// The settings, all from the environment.

import { LEVELS } from './log.mjs';

/** Reads `HOST` (127.0.0.1), `PORT` (required) and `LOG_LEVEL` (info). */
export function readSettings({ HOST = '127.0.0.1', PORT, LOG_LEVEL = 'info' }) {
  if (PORT === undefined) throw new Error('`PORT` is not set');
  if (!/^[0-9]+$/.test(PORT) || Number(PORT) > 65535) throw new Error(`\`PORT\` is not a port number: \`${PORT}\``);
  if (!LEVELS.includes(LOG_LEVEL)) throw new Error(`\`LOG_LEVEL\` is none of ${LEVELS.join(', ')}: \`${LOG_LEVEL}\``);
  return { host: HOST, port: Number(PORT), logLevel: LOG_LEVEL };
}
