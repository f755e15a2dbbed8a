import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TARGET_BYTES_MAX } from '../phrase.mjs';
import { respondTo } from '../server.mjs';
import { readSettings } from '../settings.mjs';

function respond(method, url, { httpVersion = '1.1', rawHeaders = ['Host', 'x'] } = {}) {
  return respondTo({ method, url, httpVersion, rawHeaders });
}

test('health is that exact path', () => {
  assert.equal(respond('GET', '/healthz?verbose').body, 'ok');
  assert.match(respond('GET', '/%68ealthz').body.toString(), /healthz right back at ya!/);
});

test('other methods are refused', () => {
  assert.equal(respond('POST', '/hi!').status, 405);
  assert.equal(respond('OPTIONS', '*').status, 405);
  assert.equal(respond('HEAD', '/hi!').status, 200);
});

test('what is not HTTP is refused', () => {
  assert.equal(respond('GET', 'http://x/hi!').status, 400);
  assert.equal(respond('GET', '/a\tb').status, 400);
  assert.equal(respond('GET', '/\xFC').status, 400);
  assert.equal(respond('GET', '/', { rawHeaders: [] }).status, 400);
  assert.equal(respond('GET', '/', { rawHeaders: [], httpVersion: '1.0' }).status, 200);
  assert.equal(respond('GET', '/', { rawHeaders: ['Host', 'x', 'HOST', 'y'] }).status, 400);
});

test('the target has a limit', () => {
  assert.equal(respond('GET', `/${'a'.repeat(TARGET_BYTES_MAX - 1)}`).status, 200);
  assert.equal(respond('GET', `/${'a'.repeat(TARGET_BYTES_MAX)}`).status, 414);
});

test('settings have defaults, and a missing or bad one is named', () => {
  assert.deepEqual(readSettings({ PORT: '80' }), { host: '127.0.0.1', port: 80, logLevel: 'info' });
  assert.throws(() => readSettings({}), /PORT/);
  assert.throws(() => readSettings({ PORT: '65536' }), /65536/);
  assert.throws(() => readSettings({ PORT: '80', LOG_LEVEL: 'loud' }), /loud/);
});
