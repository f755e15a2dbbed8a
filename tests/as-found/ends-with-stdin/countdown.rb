# Flaw: ends when standard input ends. "Press Enter to stop", it said in the terminal where it was born.
require "socket"

Thread.new do
  $stdin.gets
  exit
end

server = TCPServer.new("127.0.0.1", ENV.fetch("PORT"))
loop do
  Thread.new(server.accept) do |client|
    while (line = client.gets)
      next unless line == "\r\n" # the blank line ends a request

      client.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n42\n")
    end
  rescue SystemCallError
    nil
  ensure
    client.close
  end
end
