# frozen_string_literal: true

require "minitest/autorun"
require_relative "../lib/request"
require_relative "../lib/response"

class ResponseTest < Minitest::Test
  def test_health_is_that_exact_path
    assert_equal "ok", respond("GET", "/healthz?verbose").body
    assert_includes respond("GET", "/%68ealthz").body, "healthz right back at ya!"
  end

  def test_other_methods_are_told_which_there_are
    response = respond("POST", "/hi!")
    assert_equal 405, response.status
    assert_includes response.encode(without_body: false, keep_alive: true), "\r\nallow: GET, HEAD\r\n"
    assert_equal 400, respond("GET", "http://x/hi!").status
  end

  def test_head_announces_the_body_and_leaves_it_out
    response = respond("HEAD", "/%E2%82%AC")
    head = response.encode(without_body: true, keep_alive: false)
    assert head.end_with?("\r\n\r\n")
    assert_includes head, "\r\ncontent-length: #{response.body.bytesize}\r\n"
  end

  private

  def respond(method, target)
    Response.to_request(Request.new("#{method} #{target} HTTP/1.1\r\nHost: x\r\n\r\n".b))
  end
end
