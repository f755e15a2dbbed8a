package main

import (
	"strings"
	"unicode/utf8"
)

// The longest request target: a phrase of 8 KiB fits even when every byte of it is percent-encoded.
const targetBytesMax = 32 * 1024

const (
	pageBefore = "<!doctype html>\n<html lang=\"en\">\n" +
		"<head><meta charset=\"utf-8\"><title>Unstoppable Echo</title></head>\n<body><p>"
	pageAfter = " right back at ya!</p></body>\n</html>\n"
)

// HTML has no NUL, not even as a reference.
var escapeHTML = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;", "\x00", "\uFFFD")

// pathOf returns everything before the first `?` of a target.
func pathOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

// page is the page for a target that begins with `/`. The phrase is the path after that first `/`.
func page(target string) string {
	return pageBefore + escapeHTML.Replace(decodeUTF8(decodePercent(pathOf(target)[1:]))) + pageAfter
}

// decodePercent replaces `%` and two hexadecimal digits by their byte. Any other `%` stays, and so does `+`: this is
// a path, not a form. (url.PathUnescape refuses the whole text when a single `%` is wrong.)
func decodePercent(text string) string {
	var output strings.Builder
	output.Grow(len(text))
	for index := 0; index < len(text); index++ {
		if text[index] == '%' && index+2 < len(text) {
			high, low := hexValue(text[index+1]), hexValue(text[index+2])
			if high >= 0 && low >= 0 {
				output.WriteByte(byte(high<<4 | low))
				index += 2
				continue
			}
		}
		output.WriteByte(text[index])
	}
	return output.String()
}

func hexValue(digit byte) int {
	switch {
	case '0' <= digit && digit <= '9':
		return int(digit - '0')
	case 'a' <= digit|0x20 && digit|0x20 <= 'f':
		return int(digit|0x20-'a') + 10
	}
	return -1
}

// decodeUTF8 replaces every maximal subpart of an ill-formed sequence by one U+FFFD, as the WHATWG decoder does.
// (Go's own conversions write one per byte, and strings.ToValidUTF8 one per run.)
func decodeUTF8(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var output strings.Builder
	for len(text) > 0 {
		character, size := utf8.DecodeRuneInString(text)
		if character == utf8.RuneError && size == 1 {
			size = subpartBytes(text)
		}
		output.WriteRune(character)
		text = text[size:]
	}
	return output.String()
}

// subpartBytes is the length of the ill-formed sequence at the start of the text: its first byte and what could
// still have become a character. Source: Unicode Standard, table 3-7 and "U+FFFD Substitution of Maximal Subparts".
func subpartBytes(text string) int {
	needed, low, high := 0, byte(0x80), byte(0xBF) // low and high bound the second byte
	switch lead := text[0]; {
	case 0xC2 <= lead && lead <= 0xDF:
		needed = 1
	case 0xE0 <= lead && lead <= 0xEF:
		needed = 2
		if lead == 0xE0 {
			low = 0xA0 // below: overlong
		} else if lead == 0xED {
			high = 0x9F // above: surrogates
		}
	case 0xF0 <= lead && lead <= 0xF4:
		needed = 3
		if lead == 0xF0 {
			low = 0x90 // below: overlong
		} else if lead == 0xF4 {
			high = 0x8F // above: beyond U+10FFFF
		}
	}
	size := 1
	for size <= needed && size < len(text) && low <= text[size] && text[size] <= high {
		size, low, high = size+1, 0x80, 0xBF
	}
	return size
}
