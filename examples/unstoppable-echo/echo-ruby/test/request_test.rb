# frozen_string_literal: true

require "minitest/autorun"
require_relative "../lib/request"

class RequestTest < Minitest::Test
  def test_the_target_is_kept_as_sent
    request = Request.new("GET //<a>/../%zz#b?c HTTP/1.1\r\nHost: x\r\n\r\n".b)
    assert_equal ["GET", "//<a>/../%zz#b?c", true], [request.method, request.target, request.keep_alive?]
  end

  def test_the_connection_ends_when_the_client_its_version_or_a_body_says_so
    refute Request.new("GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n".b).keep_alive?
    refute Request.new("GET / HTTP/1.0\r\n\r\n".b).keep_alive?
    refute Request.new("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n".b).keep_alive?
  end

  def test_only_a_well_formed_traceparent_is_kept
    good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    { good => good, "00-zz" => nil }.each do |value, kept|
      request = Request.new("GET / HTTP/1.1\r\nHost: x\r\ntraceparent: #{value}\r\n\r\n".b)
      assert kept == request.traceparent, value
    end
  end

  def test_what_is_not_http_is_refused
    [
      "GET /\r\nHost: x\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
      "GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /ü HTTP/1.1\r\nHost: x\r\n\r\n"
    ].each { |head| assert_equal 400, refused_status(head), head }
  end

  def test_the_target_has_a_limit
    limit = Phrase::TARGET_BYTES_MAX
    assert_nil refused_status("GET /#{'a' * (limit - 1)} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert_equal 414, refused_status("GET /#{'a' * limit} HTTP/1.1\r\nHost: x\r\n\r\n")
  end

  private

  def refused_status(head)
    Request.new(head.b)
    nil
  rescue Request::Refused => refused
    refused.status
  end
end
