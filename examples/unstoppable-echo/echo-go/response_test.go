package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestHealthIsThatExactPath(t *testing.T) {
	if got := respondTo(request{method: "GET", target: "/healthz?verbose"}); got != (response{200, typeText, "ok"}) {
		t.Errorf("got %v", got)
	}
	if got := respondTo(request{method: "GET", target: "/%68ealthz"}); !strings.Contains(got.body, "healthz right back") {
		t.Errorf("got %v", got)
	}
}

func TestOtherMethodsAreToldWhichThereAre(t *testing.T) {
	got := respondTo(request{method: "POST", target: "/hi!"})
	if got.status != 405 || !strings.Contains(string(got.encode(false, true)), "\r\nallow: GET, HEAD\r\n") {
		t.Errorf("got %s", got.encode(false, true))
	}
	if got := respondTo(request{method: "GET", target: "http://x/hi!"}); got.status != 400 {
		t.Errorf("got %v", got)
	}
}

func TestHeadAnnouncesTheBodyAndLeavesItOut(t *testing.T) {
	response := respondTo(request{method: "HEAD", target: "/hi!"})
	got := string(response.encode(true, false))
	length := fmt.Sprintf("\r\ncontent-length: %d\r\n", len(response.body))
	if !strings.HasSuffix(got, "\r\n\r\n") || !strings.Contains(got, length) {
		t.Errorf("got %q", got)
	}
}
