import unittest

from phrase import page


class PhraseTest(unittest.TestCase):
    def test_the_page_says_the_phrase(self):
        cases = [
            (b"/hi!", "hi!"),
            (b"/", ""),
            (b"/hi!?phrase=no", "hi!"),
            (b"//a/../b#c", "/a/../b#c"),
            (b"/gr%C3%BCezi", "grüezi"),
            (b"/a+b%2Bc%20d", "a+b+c d"),
            (b"/{}{0}", "{}{0}"),
            (b"/%3Cscript%3E\"'&", "&lt;script&gt;&quot;&#39;&amp;"),
            (b"/%", "%"),
            (b"/%4", "%4"),
            (b"/%zz%%41", "%zz%A"),
            (b"/%2541", "%41"),
            (b"/a%00b", "a\ufffdb"),
            (b"/%EF%BB%BFbom", "\ufeffbom"),
            (b"/%E2%82!", "\ufffd!"),
            (b"/%F0%9F%98", "\ufffd"),
            (b"/%C0%80", "\ufffd\ufffd"),
            (b"/%ED%A0%80", "\ufffd\ufffd\ufffd"),
            (b"/%F4%90%80%80", "\ufffd\ufffd\ufffd\ufffd"),
        ]
        for target, said in cases:
            with self.subTest(target=target):
                self.assertIn(f"<body><p>{said} right back at ya!</p></body>", page(target).decode())

    def test_the_page_is_one_whole_document(self):
        expected = (
            b'<!doctype html>\n<html lang="en">\n'
            b'<head><meta charset="utf-8"><title>Unstoppable Echo</title></head>\n'
            b"<body><p>hi! right back at ya!</p></body>\n</html>\n"
        )
        self.assertEqual(page(b"/hi!"), expected)
