package main

import (
	"strings"
	"testing"
)

func TestThePageSaysThePhrase(t *testing.T) {
	cases := []struct{ target, said string }{
		{"/hi!", "hi!"},
		{"/", ""},
		{"/hi!?phrase=no", "hi!"},
		{"//a/../b#c", "/a/../b#c"},
		{"/gr%C3%BCezi", "grüezi"},
		{"/a+b%2Bc%20d", "a+b+c d"},
		{"/%3Cscript%3E\"'&", "&lt;script&gt;&quot;&#39;&amp;"},
		{"/%", "%"},
		{"/%4", "%4"},
		{"/%zz%%41", "%zz%A"},
		{"/%2541", "%41"},
		{"/a%00b", "a\uFFFDb"},
		{"/%EF%BB%BFbom", "\uFEFFbom"},
		{"/%EF%BF%BD", "\uFFFD"},
		{"/%E2%82!", "\uFFFD!"},
		{"/%F0%9F%98", "\uFFFD"},
		{"/%C0%80", "\uFFFD\uFFFD"},
		{"/%ED%A0%80", "\uFFFD\uFFFD\uFFFD"},
		{"/%F4%90%80%80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
	}
	for _, c := range cases {
		if want := "<body><p>" + c.said + " right back at ya!</p></body>"; !strings.Contains(page(c.target), want) {
			t.Errorf("%q: got %q, want %q in it", c.target, page(c.target), want)
		}
	}
}

func TestThePageIsOneWholeDocument(t *testing.T) {
	want := "<!doctype html>\n<html lang=\"en\">\n" +
		"<head><meta charset=\"utf-8\"><title>Unstoppable Echo</title></head>\n" +
		"<body><p>hi! right back at ya!</p></body>\n</html>\n"
	if got := page("/hi!"); got != want {
		t.Errorf("got %q", got)
	}
}
