import unittest

from settings import Settings, SettingsError


class SettingsTest(unittest.TestCase):
    def test_host_and_level_have_defaults(self):
        self.assertEqual(Settings.read({"PORT": "80"}), Settings("127.0.0.1", 80, "info"))

    def test_a_missing_or_bad_value_is_named(self):
        cases = [({}, "PORT"), ({"PORT": "65536"}, "65536"), ({"PORT": "80", "LOG_LEVEL": "loud"}, "loud")]
        for environment, named in cases:
            with self.subTest(environment), self.assertRaisesRegex(SettingsError, named):
                Settings.read(environment)
