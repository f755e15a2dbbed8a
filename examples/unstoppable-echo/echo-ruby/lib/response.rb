# frozen_string_literal: true

require "time"
require_relative "phrase"

# What is answered to what, and how it is written.
Response = Struct.new(:status, :content_type, :body) do
  def self.to_request(request)
    return new(405, self::TEXT, "only GET and HEAD are served here\n") unless %w[GET HEAD].include?(request.method)
    return to_refusal(400) unless request.target.start_with?("/")
    return new(200, self::TEXT, "ok") if request.path == "/healthz"

    new(200, self::HTML, Phrase.page(request.target))
  end

  def self.to_refusal(status)
    new(status, self::TEXT, self::REFUSALS.fetch(status))
  end

  # The bytes to send, in one piece so that they are sent at once.
  def encode(without_body:, keep_alive:)
    lines = [
      "HTTP/1.1 #{status} #{self.class::REASONS.fetch(status)}",
      "date: #{Time.now.httpdate}",
      "content-type: #{content_type}",
      "content-length: #{body.bytesize}",
      "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      "x-content-type-options: nosniff",
      "cache-control: no-store",
      "connection: #{keep_alive ? 'keep-alive' : 'close'}"
    ]
    lines << "allow: GET, HEAD" if status == 405
    head = "#{lines.join("\r\n")}\r\n\r\n".b
    without_body ? head : head + body.b
  end
end

Response::HTML = "text/html; charset=utf-8"
Response::TEXT = "text/plain; charset=utf-8"
Response::REFUSALS = {
  400 => "the request is malformed\n",
  414 => "the request target is longer than 32 KiB\n",
  431 => "the request head is too large\n"
}.freeze
Response::REASONS = {
  200 => "OK",
  400 => "Bad Request",
  405 => "Method Not Allowed",
  414 => "URI Too Long",
  431 => "Request Header Fields Too Large"
}.freeze
