# frozen_string_literal: true

# Unstoppable Echo, in Ruby: `GET /hi!` answers a page that says `hi! right back at ya!`.
# What all five services promise is written in ../README.md.

require_relative "lib/log"
require_relative "lib/server"
require_relative "lib/settings"

# How long a request that is under way may take to end once we are told to stop.
GRACE_SECONDS = 5

def main(environment)
  settings = Settings.read(environment)
  log = Log.new($stdout, settings.log_level)
  # A handler may not take a lock: it only writes a byte, and the main thread waits for that.
  stopped, stop = IO.pipe
  %w[TERM INT].each { |signal| trap(signal) { stop.write_nonblock(".", exception: false) } }

  server = Server.new(settings.host, settings.port, log)
  log.event("info", "listening on #{server.address}")
  stopped.read(1)
  log.event("info", "stopping")
  unfinished = server.stop(GRACE_SECONDS)
  log.event("warn", "#{unfinished} connections were still open after the grace time") if unfinished.positive?
  log.event("info", "stopped")
rescue Settings::Invalid, SystemCallError, SocketError => error
  abort "echo-ruby: #{error.message}"
end

main(ENV)
