// From a request's target to the page that it asks for. Targets are of visible ASCII characters.

// The longest request target: a phrase of 8 KiB fits even when every byte of it is percent-encoded.
export const TARGET_BYTES_MAX = 32 * 1024;

const PAGE_BEFORE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Unstoppable Echo</title></head>
<body><p>`;
const PAGE_AFTER = ` right back at ya!</p></body>
</html>
`;

// HTML has no NUL, not even as a reference.
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '\0': '\uFFFD' };

// A byte order mark is a character of the phrase like any other.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Everything before the first `?`. */
export function pathOf(target) {
  return target.split('?', 1)[0];
}

/** The page, as bytes, for a target that begins with `/`. The phrase is the path after that first `/`. */
export function page(target) {
  const phrase = decoder.decode(percentDecoded(pathOf(target).slice(1)));
  const escaped = phrase.replace(/[&<>"'\0]/g, (character) => ESCAPES[character]);
  return Buffer.from(PAGE_BEFORE + escaped + PAGE_AFTER);
}

/**
 * Replaces `%` and two hexadecimal digits by their byte. Any other `%` stays, and so does `+`: this is a path, not a
 * form. (`decodeURIComponent` throws at the first that is wrong.)
 */
function percentDecoded(text) {
  const decoded = text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  return Buffer.from(decoded, 'latin1');
}
