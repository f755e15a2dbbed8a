# frozen_string_literal: true

require "minitest/autorun"
require_relative "../lib/phrase"

class PhraseTest < Minitest::Test
  CASES = {
    "/hi!" => "hi!",
    "/" => "",
    "/hi!?phrase=no" => "hi!",
    "//a/../b#c" => "/a/../b#c",
    "/gr%C3%BCezi" => "grüezi",
    "/a+b%2Bc%20d" => "a+b+c d",
    "/\\0\\1" => "\\0\\1",
    "/%3Cscript%3E\"'&" => "&lt;script&gt;&quot;&#39;&amp;",
    "/%" => "%",
    "/%4" => "%4",
    "/%zz%%41" => "%zz%A",
    "/%2541" => "%41",
    "/a%00b" => "a\uFFFDb",
    "/%EF%BB%BFbom" => "\uFEFFbom",
    "/%E2%82!" => "\uFFFD!",
    "/%F0%9F%98" => "\uFFFD",
    "/%C0%80" => "\uFFFD\uFFFD",
    "/%ED%A0%80" => "\uFFFD\uFFFD\uFFFD",
    "/%F4%90%80%80" => "\uFFFD\uFFFD\uFFFD\uFFFD"
  }.freeze

  def test_the_page_says_the_phrase
    CASES.each do |target, said|
      assert_includes Phrase.page(target.b), "<body><p>#{said} right back at ya!</p></body>", target
    end
  end

  def test_the_page_is_one_whole_document
    expected = "<!doctype html>\n<html lang=\"en\">\n" \
               "<head><meta charset=\"utf-8\"><title>Unstoppable Echo</title></head>\n" \
               "<body><p>hi! right back at ya!</p></body>\n</html>\n"
    assert_equal expected, Phrase.page("/hi!".b)
  end
end
