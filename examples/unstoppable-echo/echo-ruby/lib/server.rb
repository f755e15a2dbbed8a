# frozen_string_literal: true

require "socket"
require_relative "connection"

# Accepts connections, a thread for each, and stops without cutting off a request.
class Server
  # A connection beyond these is closed at once.
  CONNECTIONS_MAX = 1024
  BACKLOG = 128
  # How long to wait after accepting failed, which means that descriptors or memory ran out.
  ACCEPT_PAUSE_SECONDS = 0.05

  def initialize(host, port, log)
    @log = log
    @mutex = Mutex.new
    @closed = ConditionVariable.new
    @resting = {} # by socket: true while it waits for a request that has not begun
    @stopping = false
    @listener = TCPServer.new(host, port)
    @listener.listen(BACKLOG)
    @acceptor = Thread.new { accept }
  end

  def address
    @listener.local_address.inspect_sockaddr
  end

  def stopping?
    @mutex.synchronize { @stopping }
  end

  # Marks a connection as between requests: from here on, a stopping service ends it.
  def rest(socket)
    @mutex.synchronize do
      @resting[socket] = true
      end_input(socket) if @stopping
    end
  end

  # Marks that a request has begun: it will be answered.
  def work(socket)
    @mutex.synchronize { @resting[socket] = false }
  end

  # Stops accepting, closes what is idle, waits for the rest, and returns how many connections did not end.
  def stop(grace_seconds)
    @mutex.synchronize do
      @stopping = true
      @resting.each { |socket, resting| end_input(socket) if resting }
    end
    @acceptor.kill.join
    @listener.close
    deadline = Stream.now + grace_seconds
    @mutex.synchronize do
      while @resting.any? && (remaining = Stream.remaining(deadline)).positive?
        @closed.wait(@mutex, remaining)
      end
      @resting.size
    end
  end

  private

  def accept
    loop do
      enter(@listener.accept)
    rescue SystemCallError => error
      @log.event("error", "cannot accept a connection: #{error.message}")
      sleep ACCEPT_PAUSE_SECONDS
    end
  end

  def enter(socket)
    entered = @mutex.synchronize do
      free = !@stopping && @resting.size < CONNECTIONS_MAX
      @resting[socket] = false if free
      free
    end
    return socket.close unless entered

    Thread.new do
      Connection.new(socket, self, @log).serve
    ensure
      leave(socket)
    end
  end

  def leave(socket)
    socket.close
  ensure
    @mutex.synchronize do
      @resting.delete(socket)
      @closed.broadcast
    end
  end

  # What the kernel already holds can still be read, and is served; then comes the end.
  def end_input(socket)
    socket.shutdown(Socket::SHUT_RD)
  rescue SystemCallError, IOError
    nil # it has just ended by itself
  end
end
