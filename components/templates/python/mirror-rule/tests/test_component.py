import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from component import map_url
from turbo_component import NotMine


class MapUrl(unittest.TestCase):
    def test_a_file_has_a_copy(self):
        [candidate] = map_url("https://downloads.example/pub/tool.zip", "")
        self.assertEqual(candidate.url, "https://mirror.example/pub/tool.zip")

    def test_another_host_is_somebody_elses(self):
        with self.assertRaises(NotMine):
            map_url("https://elsewhere.example/pub/tool.zip", "")
