# Flaw: what the visitor sends comes back as HTML, unescaped. (Try /?name=<script>alert(1)</script>.)
require "socket"
require "uri"

server = TCPServer.new("127.0.0.1", ENV.fetch("PORT"))
loop do
  Thread.new(server.accept) do |client|
    request = client.gets.to_s
    line = client.gets until line.nil? || line == "\r\n"
    name = request[/name=([^ &]*)/, 1].to_s
    body = "<h1>Hello #{URI.decode_www_form_component(name)}</h1>\n"
    client.write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: #{body.bytesize}\r\n" \
                 "Connection: close\r\n\r\n#{body}")
  rescue SystemCallError
    nil
  ensure
    client.close
  end
end
