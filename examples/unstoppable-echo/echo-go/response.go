package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	typeHTML = "text/html; charset=utf-8"
	typeText = "text/plain; charset=utf-8"
)

type response struct {
	status      int
	contentType string
	body        string
}

func respondTo(asked request) response {
	switch {
	case asked.method != "GET" && asked.method != "HEAD":
		return response{405, typeText, "only GET and HEAD are served here\n"}
	case !strings.HasPrefix(asked.target, "/"):
		return respondToError(errMalformed)
	case pathOf(asked.target) == "/healthz":
		return response{200, typeText, "ok"}
	default:
		return response{200, typeHTML, page(asked.target)}
	}
}

func respondToError(err error) response {
	switch err {
	case errTargetTooLong:
		return response{414, typeText, "the request target is longer than 32 KiB\n"}
	case errHeadTooLarge:
		return response{431, typeText, "the request head is too large\n"}
	default:
		return response{400, typeText, "the request is malformed\n"}
	}
}

// encode returns the bytes to send, in one piece so that they are sent at once.
func (r response) encode(withoutBody, keepAlive bool) []byte {
	var output strings.Builder
	fmt.Fprintf(&output, "HTTP/1.1 %d %s\r\n", r.status, reason(r.status))
	fmt.Fprintf(&output, "date: %s\r\n", time.Now().UTC().Format(http.TimeFormat))
	fmt.Fprintf(&output, "content-type: %s\r\ncontent-length: %d\r\n", r.contentType, len(r.body))
	output.WriteString("content-security-policy: " +
		"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n" +
		"x-content-type-options: nosniff\r\ncache-control: no-store\r\n")
	if r.status == 405 {
		output.WriteString("allow: GET, HEAD\r\n")
	}
	if keepAlive {
		output.WriteString("connection: keep-alive\r\n\r\n")
	} else {
		output.WriteString("connection: close\r\n\r\n")
	}
	if !withoutBody {
		output.WriteString(r.body)
	}
	return []byte(output.String())
}

func reason(status int) string {
	if status == 414 {
		return "URI Too Long" // net/http still has the name of RFC 2616
	}
	return http.StatusText(status)
}
