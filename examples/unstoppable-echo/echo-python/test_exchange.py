"""What is answered to which head."""

import io
import unittest

from phrase import TARGET_BYTES_MAX
from request import Refused, Request
from response import TEXT, Response


def read(head):
    return Request.read(io.BufferedReader(io.BytesIO(head)))


class RequestTest(unittest.TestCase):
    def test_the_target_is_kept_as_sent(self):
        request = read(b"GET //<a>/../%zz#b?c HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(request, Request("GET", b"//<a>/../%zz#b?c", True, None))

    def test_the_connection_ends_when_the_client_its_version_or_a_body_says_so(self):
        self.assertFalse(read(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n").keep_alive)
        self.assertFalse(read(b"GET / HTTP/1.0\r\n\r\n").keep_alive)
        self.assertFalse(read(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n").keep_alive)

    def test_only_a_well_formed_traceparent_is_kept(self):
        good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        for value, kept in [(good, good), ("00-zz", None)]:
            head = f"GET / HTTP/1.1\r\nHost: x\r\ntraceparent: {value}\r\n\r\n".encode()
            self.assertEqual(read(head).traceparent, kept)

    def test_what_is_not_http_is_refused(self):
        heads = [
            b"GET /\r\nHost: x\r\n\r\n",
            b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
            b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET / HTTP/1.1\nHost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            b"GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /\xc3\xbc HTTP/1.1\r\nHost: x\r\n\r\n",
        ]
        for head in heads:
            with self.subTest(head), self.assertRaises(Refused) as caught:
                read(head)
            self.assertEqual(caught.exception.status, 400)

    def test_the_target_has_a_limit(self):
        def with_target_bytes(count):
            return read(b"GET /" + b"a" * (count - 1) + b" HTTP/1.1\r\nHost: x\r\n\r\n")

        self.assertEqual(len(with_target_bytes(TARGET_BYTES_MAX).target), TARGET_BYTES_MAX)
        for count in (TARGET_BYTES_MAX + 1, 10 * TARGET_BYTES_MAX):
            with self.assertRaises(Refused) as caught:
                with_target_bytes(count)
            self.assertEqual(caught.exception.status, 414)


class ResponseTest(unittest.TestCase):
    def test_health_is_that_exact_path(self):
        self.assertEqual(self.respond("GET", b"/healthz?verbose"), Response(200, TEXT, b"ok"))
        self.assertIn(b"healthz right back at ya!", self.respond("GET", b"/%68ealthz").body)

    def test_other_methods_are_told_which_there_are(self):
        response = self.respond("POST", b"/hi!")
        self.assertEqual(response.status, 405)
        self.assertIn(b"\r\nallow: GET, HEAD\r\n", response.encode(False, True))
        self.assertEqual(self.respond("GET", b"http://x/hi!").status, 400)

    def test_head_announces_the_body_and_leaves_it_out(self):
        response = self.respond("HEAD", b"/hi!")
        head = response.encode(True, False)
        self.assertTrue(head.endswith(b"\r\n\r\n"))
        self.assertIn(b"\r\ncontent-length: %d\r\n" % len(response.body), head)

    @staticmethod
    def respond(method, target):
        return Response.to_request(Request(method, target, True, None))
