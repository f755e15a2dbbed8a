# frozen_string_literal: true

require "json"
require "time"

# One JSON object per line.
class Log
  LEVELS = %w[debug info warn error].freeze
  # A path is cut to this many bytes in a log line.
  PATH_BYTES_MAX = 512

  def initialize(output, least_level)
    @output = output
    @output.sync = true
    @least = LEVELS.index(least_level)
    @mutex = Mutex.new
  end

  def event(level, message)
    write(level, message: message)
  end

  # The line of one answered request, which is nil when it could not be read.
  def request(request, status, duration_seconds)
    path = request ? request.path.byteslice(0, PATH_BYTES_MAX) : ""
    fields = {
      message: "request",
      method: request ? request.method : "",
      path: path.dup.force_encoding(Encoding::UTF_8).scrub("\uFFFD"),
      status: status,
      duration_ms: (duration_seconds * 1000).round(3)
    }
    fields[:traceparent] = request.traceparent if request&.traceparent
    write("info", fields)
  end

  private

  def write(level, fields)
    return if LEVELS.index(level) < @least

    line = JSON.generate({ time: Time.now.utc.iso8601(3), level: level, **fields })
    @mutex.synchronize { @output.write("#{line}\n") }
  rescue SystemCallError
    # A reader of the log that went away is no reason to stop serving.
  end
end
