package main

import (
	"strings"
	"testing"
)

func TestTheTargetIsKeptAsSent(t *testing.T) {
	got, err := parseRequest("GET //<a>/../%zz#b?c HTTP/1.1\r\nHost: x\r\n\r\n")
	if want := (request{method: "GET", target: "//<a>/../%zz#b?c", keepAlive: true}); err != nil || got != want {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestFieldsThatMatterAreTaken(t *testing.T) {
	const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	cases := []struct {
		head string
		want request
	}{
		{"GET / HTTP/1.0\r\n\r\n", request{method: "GET", target: "/"}},
		{"GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n", request{method: "GET", target: "/"}},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
			request{method: "PUT", target: "/", keepAlive: true, hasBody: true}},
		{"GET / HTTP/1.1\r\nHost: x\r\ntraceparent: " + traceparent + "\r\n\r\n",
			request{method: "GET", target: "/", keepAlive: true, traceparent: traceparent}},
		{"GET / HTTP/1.1\r\nHost: x\r\ntraceparent: 00-zz\r\n\r\n", request{method: "GET", target: "/", keepAlive: true}},
	}
	for _, c := range cases {
		if got, err := parseRequest(c.head); err != nil || got != c.want {
			t.Errorf("%q: got %v, %v", c.head, got, err)
		}
	}
}

func TestWhatIsNotHTTPIsRefused(t *testing.T) {
	for _, head := range []string{
		"GET /\r\nHost: x\r\n\r\n",
		"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
		"GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /ü HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		if _, err := parseRequest(head); err != errMalformed {
			t.Errorf("%q: got %v", head, err)
		}
	}
}

func TestTheTargetHasALimit(t *testing.T) {
	parse := func(bytes int) error {
		_, err := parseRequest("GET /" + strings.Repeat("a", bytes-1) + " HTTP/1.1\r\nHost: x\r\n\r\n")
		return err
	}
	if err := parse(targetBytesMax); err != nil {
		t.Error(err)
	}
	if err := parse(targetBytesMax + 1); err != errTargetTooLong {
		t.Error(err)
	}
}
