import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from component import generate
from turbo_component import Rejected

ARTIFACT = SimpleNamespace(
    file_name="tool.zip",
    url="https://tool.example/tool.zip",
    size=10,
    digests=[SimpleNamespace(algorithm="sha-256", value=bytes(32))],
)


class Generate(unittest.TestCase):
    def test_a_release_becomes_one_page(self):
        release = SimpleNamespace(name="tool", version="1.2.3", artifacts=[ARTIFACT])
        generated = generate(release, {}, {})
        self.assertEqual(list(generated.deliveries[0].files), ["tool/1.2.3.md"])

    def test_a_release_without_files_is_refused(self):
        release = SimpleNamespace(name="tool", version="1.2.3", artifacts=[])
        with self.assertRaises(Rejected):
            generate(release, {}, {})
