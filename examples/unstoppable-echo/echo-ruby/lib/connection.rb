# frozen_string_literal: true

require_relative "request"
require_relative "response"
require_relative "stream"

# One connection: request after request until either side has had enough.
class Connection
  # Longer than a gateway keeps an idle connection, so that it is the gateway that closes it.
  IDLE_SECONDS = 75
  HEAD_SECONDS = 10
  WRITE_SECONDS = 10
  LINGER_SECONDS = 1
  LINGER_BYTES_MAX = 64 * 1024

  def initialize(socket, server, log)
    @socket = socket
    @stream = Stream.new(socket)
    @server = server
    @log = log
  end

  def serve
    loop do
      @server.rest(@socket)
      @stream.wait(IDLE_SECONDS)
      @server.work(@socket)
      break unless exchange
    end
    @stream.linger(LINGER_SECONDS, LINGER_BYTES_MAX)
  rescue Stream::Gone
    nil
  end

  private

  # One request and its answer. Returns whether another may follow.
  def exchange
    started = Stream.now
    begin
      request = Request.new(@stream.read_head(HEAD_SECONDS))
      response = Response.to_request(request)
    rescue Request::Refused => refused
      request = nil
      response = Response.to_refusal(refused.status)
    end
    keep_alive = !request.nil? && request.keep_alive? && !@server.stopping?
    without_body = !request.nil? && request.method == "HEAD"
    begin
      @stream.write(response.encode(without_body: without_body, keep_alive: keep_alive), WRITE_SECONDS)
    ensure
      @log.request(request, response.status, Stream.now - started)
    end
    keep_alive
  end
end
