# frozen_string_literal: true

require "socket"
require_relative "phrase"
require_relative "request"

# A socket with a deadline and a limit on everything.
class Stream
  HEAD_BYTES_MAX = 64 * 1024
  # Room for a method and a version around the longest target.
  LINE_BYTES_MAX = Phrase::TARGET_BYTES_MAX + 64
  CHUNK_BYTES = 16 * 1024

  # The client went away or was too slow: there is nobody to answer.
  class Gone < StandardError; end

  def initialize(socket)
    @socket = socket
    @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    @buffer = String.new(encoding: Encoding::BINARY)
  end

  # Waits for the first byte of a request.
  def wait(seconds)
    fill(Stream.now + seconds) if @buffer.empty?
  end

  # The next head, its blank line included.
  def read_head(seconds)
    deadline = Stream.now + seconds
    loop do
      end_of_head = @buffer.index("\r\n\r\n")
      return @buffer.slice!(0, end_of_head + 4) if end_of_head

      line_bytes = @buffer.index("\n") || @buffer.bytesize
      raise Request::Refused, 414 if line_bytes > LINE_BYTES_MAX
      raise Request::Refused, 431 if @buffer.bytesize > HEAD_BYTES_MAX

      fill(deadline)
    end
  end

  def write(bytes, seconds)
    deadline = Stream.now + seconds
    until bytes.empty?
      count = @socket.write_nonblock(bytes, exception: false)
      if count == :wait_writable
        @socket.wait_writable(Stream.remaining(deadline)) or raise Gone
      else
        bytes = bytes.byteslice(count..)
      end
    end
  rescue SystemCallError
    raise Gone
  end

  # Lets the client read the answer: closing with unread bytes in the buffer would reset the connection.
  def linger(seconds, bytes_max)
    deadline = Stream.now + seconds
    @socket.close_write
    @buffer.clear
    fill(deadline) while @buffer.bytesize < bytes_max
  rescue Gone, SystemCallError
    nil
  end

  def self.now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def self.remaining(deadline)
    [deadline - now, 0].max
  end

  private

  def fill(deadline)
    chunk = @socket.read_nonblock(CHUNK_BYTES, exception: false)
    while chunk == :wait_readable
      @socket.wait_readable(Stream.remaining(deadline)) or raise Gone
      chunk = @socket.read_nonblock(CHUNK_BYTES, exception: false)
    end
    raise Gone if chunk.nil?

    @buffer << chunk
  rescue SystemCallError
    raise Gone
  end
end
