// One JSON object per line.

export const LEVELS = ['debug', 'info', 'warn', 'error'];

// A path is cut to this many bytes in a log line.
const PATH_BYTES_MAX = 512;

export class Log {
  #stream;
  #least;

  constructor(stream, leastLevel) {
    this.#stream = stream;
    this.#least = LEVELS.indexOf(leastLevel);
  }

  event(level, message) {
    this.#write(level, { message });
  }

  /** The line of one answered request; method and path are empty when it could not be read. */
  request({ method, path, status, durationMs, traceparent }) {
    this.#write('info', {
      message: 'request',
      method,
      path: path.slice(0, PATH_BYTES_MAX),
      status,
      duration_ms: Math.round(durationMs * 1000) / 1000,
      traceparent, // left out when there is none
    });
  }

  #write(level, fields) {
    if (LEVELS.indexOf(level) < this.#least) return;
    this.#stream.write(`${JSON.stringify({ time: new Date().toISOString(), level, ...fields })}\n`);
  }
}
