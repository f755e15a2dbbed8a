# frozen_string_literal: true

# From a request's target to the page that it asks for. Targets are binary strings: that is what was sent.
module Phrase
  # The longest request target: a phrase of 8 KiB fits even when every byte of it is percent-encoded.
  TARGET_BYTES_MAX = 32 * 1024

  PAGE_BEFORE = <<~HTML.chomp
    <!doctype html>
    <html lang="en">
    <head><meta charset="utf-8"><title>Unstoppable Echo</title></head>
    <body><p>
  HTML
  PAGE_AFTER = " right back at ya!</p></body>\n</html>\n"

  # HTML has no NUL, not even as a reference.
  ESCAPES = {
    "&" => "&amp;", "<" => "&lt;", ">" => "&gt;", '"' => "&quot;", "'" => "&#39;", "\0" => "\uFFFD"
  }.freeze

  module_function

  # Everything before the first `?`.
  def path(target)
    target.partition("?").first
  end

  # The page for a target that begins with `/`. The phrase is the path after that first `/`.
  def page(target)
    bytes = percent_decoded(path(target).byteslice(1..))
    # `scrub` writes one U+FFFD per maximal subpart, as the WHATWG decoder does.
    phrase = bytes.force_encoding(Encoding::UTF_8).scrub("\uFFFD")
    PAGE_BEFORE + phrase.gsub(/[&<>"'\0]/, ESCAPES) + PAGE_AFTER
  end

  # Replaces `%` and two hexadecimal digits by their byte. Any other `%` stays, and so does `+`: this is a path, not a
  # form.
  def percent_decoded(text)
    text.b.gsub(/%\h\h/n) { |encoded| encoded[1, 2].hex.chr }
  end
end
