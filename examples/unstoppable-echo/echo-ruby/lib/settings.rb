# frozen_string_literal: true

require_relative "log"

# The settings, all from the environment.
Settings = Struct.new(:host, :port, :log_level) do
  # Reads `HOST` (127.0.0.1), `PORT` (required) and `LOG_LEVEL` (info).
  def self.read(environment)
    port = environment["PORT"] or raise self::Invalid, "`PORT` is not set"
    raise self::Invalid, "`PORT` is not a port number: `#{port}`" unless port.match?(/\A\d+\z/) && port.to_i <= 65_535

    level = environment["LOG_LEVEL"] || "info"
    known = Log::LEVELS
    raise self::Invalid, "`LOG_LEVEL` is none of #{known.join(', ')}: `#{level}`" unless known.include?(level)

    new(environment["HOST"] || "127.0.0.1", port.to_i, level)
  end
end

# Says which variable is missing or wrong.
class Settings::Invalid < StandardError; end
