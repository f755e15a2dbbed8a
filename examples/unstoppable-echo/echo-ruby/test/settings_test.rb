# frozen_string_literal: true

require "minitest/autorun"
require_relative "../lib/settings"

class SettingsTest < Minitest::Test
  def test_host_and_level_have_defaults
    assert_equal Settings.new("127.0.0.1", 80, "info"), Settings.read({ "PORT" => "80" })
  end

  def test_a_missing_or_bad_value_is_named
    cases = { {} => /PORT/, { "PORT" => "65536" } => /65536/, { "PORT" => "80", "LOG_LEVEL" => "loud" } => /loud/ }
    cases.each do |environment, named|
      error = assert_raises(Settings::Invalid) { Settings.read(environment) }
      assert_match named, error.message
    end
  end
end
