import assert from 'node:assert/strict';
import { test } from 'node:test';

import { page } from '../phrase.mjs';

const CASES = [
  ['/hi!', 'hi!'],
  ['/', ''],
  ['/hi!?phrase=no', 'hi!'],
  ['//a/../b#c', '/a/../b#c'],
  ['/gr%C3%BCezi', 'grüezi'],
  ['/a+b%2Bc%20d', 'a+b+c d'],
  ['/$&$1', '$&amp;$1'],
  [`/%3Cscript%3E"'&`, '&lt;script&gt;&quot;&#39;&amp;'],
  ['/%', '%'],
  ['/%4', '%4'],
  ['/%zz%%41', '%zz%A'],
  ['/%2541', '%41'],
  ['/a%00b', 'a\uFFFDb'],
  ['/%EF%BB%BFbom', '\uFEFFbom'],
  ['/%E2%82!', '\uFFFD!'],
  ['/%F0%9F%98', '\uFFFD'],
  ['/%C0%80', '\uFFFD\uFFFD'],
  ['/%ED%A0%80', '\uFFFD\uFFFD\uFFFD'],
  ['/%F4%90%80%80', '\uFFFD\uFFFD\uFFFD\uFFFD'],
];

for (const [target, said] of CASES) {
  test(`the page says the phrase of ${target}`, () => {
    const text = page(target).toString();
    assert.ok(text.includes(`<body><p>${said} right back at ya!</p></body>`), text);
  });
}

test('the page is one whole document', () => {
  const expected =
    '<!doctype html>\n<html lang="en">\n' +
    '<head><meta charset="utf-8"><title>Unstoppable Echo</title></head>\n' +
    '<body><p>hi! right back at ya!</p></body>\n</html>\n';
  assert.equal(page('/hi!').toString(), expected);
});
