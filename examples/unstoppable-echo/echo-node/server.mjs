// The HTTP/1.1 server on the standard library's, which stops without cutting off a request.

import http from 'node:http';

import { page, pathOf, TARGET_BYTES_MAX } from './phrase.mjs';

const OPTIONS = {
  maxHeaderSize: 64 * 1024, // the request line included
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  // Longer than a gateway keeps an idle connection, so that it is the gateway that closes it.
  keepAliveTimeout: 75_000,
  requireHostHeader: false, // checked below, in every version of Node
};
// A connection beyond these is closed at once.
const CONNECTIONS_MAX = 1024;

const HTML = 'text/html; charset=utf-8';
const TEXT = 'text/plain; charset=utf-8';
const MALFORMED = { status: 400, type: TEXT, body: 'the request is malformed\n' };
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Makes the server, and the function that stops it and says how many connections did not end. */
export function createEchoServer(log) {
  let stopping = false;
  const sockets = new Set();
  const server = http.createServer(OPTIONS, (request, response) => {
    const started = performance.now();
    const answer = respondTo(request);
    const keepAlive = response.shouldKeepAlive && !stopping && (answer.status === 200 || answer.status === 405);
    response.writeHead(answer.status, headers(answer, keepAlive));
    response.end(request.method === 'HEAD' ? undefined : answer.body);
    const durationMs = performance.now() - started;
    const { method, url, headers: { traceparent } } = request;
    const known = TRACEPARENT.test(traceparent) ? traceparent : undefined;
    log.request({ method, path: pathOf(url), status: answer.status, durationMs, traceparent: known });
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('clientError', (error, socket) => refuse(error, socket, log));

  const stop = (graceMs) => new Promise((resolve) => {
    stopping = true;
    const timer = setTimeout(() => {
      resolve(sockets.size);
      server.closeAllConnections();
    }, graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve(0);
    });
    server.closeIdleConnections();
    // To Node a connection that never sent a byte is not idle but about to begin.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  });
  return { server, stop };
}

/** What is answered to a request: everything but the connection's own affairs. */
export function respondTo({ method, url, httpVersion, rawHeaders }) {
  if (url.length > TARGET_BYTES_MAX) {
    return { status: 414, type: TEXT, body: 'the request target is longer than 32 KiB\n' };
  }
  // RFC 9112, section 3.2: HTTP/1.1 wants exactly one Host.
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  const hostsAllowed = { '1.0': [0, 1], '1.1': [1] }[httpVersion] ?? [];
  if (!hostsAllowed.includes(hosts) || /[^\x21-\x7E]/.test(url)) return MALFORMED;
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, type: TEXT, body: 'only GET and HEAD are served here\n' };
  }
  if (!url.startsWith('/')) return MALFORMED;
  if (pathOf(url) === '/healthz') return { status: 200, type: TEXT, body: 'ok' };
  return { status: 200, type: HTML, body: page(url) };
}

function headers({ status, type, body }, keepAlive) {
  return {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET, HEAD' }),
    connection: keepAlive ? 'keep-alive' : 'close',
  };
}

/** Answers what the parser could not read. */
function refuse(error, socket, log) {
  if (!socket.writable || error.code === 'ECONNRESET' || error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const answer = tooLarge ? { status: 431, type: TEXT, body: 'the request head is too large\n' } : MALFORMED;
  const fields = Object.entries({ date: new Date().toUTCString(), ...headers(answer, false) });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${answer.status} ${http.STATUS_CODES[answer.status]}\r\n${head}\r\n${answer.body}`);
  log.request({ method: '', path: '', status: answer.status, durationMs: 0 });
}
