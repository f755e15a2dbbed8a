# frozen_string_literal: true

require_relative "phrase"

# One request's head. Ruby's standard library has had no HTTP server since 3.0: it is read here.
class Request
  FIELDS_MAX = 100

  # The target may hold any visible ASCII character (RFC 3986 allows fewer).
  LINE = %r{\A([A-Za-z]+) ([\x21-\x7E]+) HTTP/1\.([01])\z}n
  FIELD = /\A([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*\z/n
  TRACEPARENT = /\A[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\z/n

  # The request is not even considered; `status` says why.
  class Refused < StandardError
    attr_reader :status

    def initialize(status)
      super("status #{status}")
      @status = status
    end
  end

  attr_reader :method, :target, :traceparent

  # Reads a head that ends with its blank line.
  def initialize(head)
    line, *fields = head.delete_suffix("\r\n\r\n").split("\r\n", -1)
    read_line(line)
    raise Refused, 431 if fields.length > FIELDS_MAX

    hosts = fields.count { |field| read_field(field) == "host" }
    # RFC 9112, section 3.2: HTTP/1.1 wants exactly one Host.
    raise Refused, 400 if hosts > 1 || (@http_1_1 && hosts.zero?)
  end

  def path
    Phrase.path(target)
  end

  # Whether another request may follow. Nothing here reads bodies, so one with a body is the last.
  def keep_alive?
    @http_1_1 && !@close && !@body
  end

  private

  def read_line(line)
    match = LINE.match(line) or raise Refused, 400
    raise Refused, 414 if match[2].bytesize > Phrase::TARGET_BYTES_MAX

    @method = match[1]
    @target = match[2]
    @http_1_1 = match[3] == "1"
  end

  # Takes what matters from a field and returns its name.
  def read_field(field)
    match = FIELD.match(field) or raise Refused, 400
    name, value = match[1].downcase, match[2]
    case name
    when "connection" then @close ||= value.downcase.split(",").map(&:strip).include?("close")
    when "transfer-encoding" then @body = true
    when "content-length" then @body ||= value != "0"
    # Anything that is not well formed has no place in a log.
    when "traceparent" then @traceparent = value if TRACEPARENT.match?(value)
    end
    name
  end
end
