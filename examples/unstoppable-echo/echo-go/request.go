package main

import (
	"regexp"
	"strings"
)

const fieldsMax = 100

// request is one request's head. It is read here and not by net/http, which answers 400 to a `%` that is not followed
// by two digits before any handler sees it; this service owes an answer to every phrase.
type request struct {
	method    string
	target    string
	keepAlive bool
	// A body follows the head. Nothing here reads bodies, so the connection ends with the answer.
	hasBody     bool
	traceparent string
}

// refusal says why a request is not even considered.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	errMalformed     = refusal("malformed")
	errTargetTooLong = refusal("target too long")
	errHeadTooLarge  = refusal("head too large")
)

var (
	methodShape      = regexp.MustCompile(`^[A-Za-z]+$`)
	fieldNameShape   = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	traceparentShape = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

// parseRequest reads a head that ends with its blank line.
func parseRequest(head string) (request, error) {
	lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	result, http11, err := parseRequestLine(lines[0])
	if err != nil {
		return request{}, err
	}
	if len(lines)-1 > fieldsMax {
		return request{}, errHeadTooLarge
	}
	hosts := 0
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ":")
		if !found || !fieldNameShape.MatchString(name) || strings.ContainsAny(value, "\x00\r\n") {
			return request{}, errMalformed
		}
		value = strings.Trim(value, " \t")
		if strings.EqualFold(name, "host") {
			hosts++
		}
		result.takeField(name, value)
	}
	// RFC 9112, section 3.2: HTTP/1.1 wants exactly one Host.
	if hosts > 1 || (http11 && hosts == 0) {
		return request{}, errMalformed
	}
	return result, nil
}

// parseRequestLine reads `METHOD SP TARGET SP HTTP/1.x`; the target may hold any visible ASCII character.
func parseRequestLine(line string) (result request, http11 bool, err error) {
	words := strings.Split(line, " ")
	if len(words) != 3 || !methodShape.MatchString(words[0]) || (words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0") {
		return request{}, false, errMalformed
	}
	if len(words[1]) > targetBytesMax {
		return request{}, false, errTargetTooLong
	}
	for index := 0; index < len(words[1]); index++ {
		if words[1][index] <= ' ' || words[1][index] >= 0x7F {
			return request{}, false, errMalformed
		}
	}
	http11 = words[2] == "HTTP/1.1"
	return request{method: words[0], target: words[1], keepAlive: http11}, http11, nil
}

func (r *request) takeField(name, value string) {
	switch strings.ToLower(name) {
	case "connection":
		for _, token := range strings.Split(value, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "close") {
				r.keepAlive = false
			}
		}
	case "transfer-encoding":
		r.hasBody = true
	case "content-length":
		r.hasBody = r.hasBody || value != "0"
	case "traceparent":
		// Anything that is not well formed has no place in a log.
		if traceparentShape.MatchString(value) {
			r.traceparent = value
		}
	}
}
