"""The lints find what they are for."""

import pathlib
import sys
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import check_files  # noqa: E402
import check_layers  # noqa: E402
import project_files  # noqa: E402


def with_text(text):
    """The project with every file reading as `text`."""
    return mock.patch.multiple(project_files, read=lambda name: text)


class Layers(unittest.TestCase):
    LAYERS = {"base": set(), "milp": {"base"}, "site": {"base", "milp"}}

    def problems(self, name, text):
        with with_text(text):
            return check_layers.check_file(name, self.LAYERS)

    def test_down_is_allowed(self):
        self.assertEqual(self.problems("astrolabe/site/a.h", '#include "astrolabe/milp/model.h"\n'),
                         [])

    def test_up_is_not(self):
        [problem] = self.problems("astrolabe/milp/a.h", '\n#include "astrolabe/site/a.h"\n')
        self.assertIn("astrolabe/milp/a.h:2: milp may not include site", problem)

    def test_a_folder_without_a_layer(self):
        [problem] = self.problems("astrolabe/site/a.h", '#include "astrolabe/extra/a.h"\n')
        self.assertIn("in no folder of tools/layers.txt", problem)

    def test_the_program_may_include_anything(self):
        self.assertEqual(self.problems("apps/main.cc", '#include "astrolabe/site/a.h"\n'), [])

    def test_angle_brackets(self):
        [problem] = self.problems("astrolabe/site/a.h", "#include <astrolabe/base/a.h>\n")
        self.assertIn("stands in quotes", problem)

    def test_a_cycle_cannot_be_written(self):
        layers, problems = check_layers.read_layers("base: milp\nmilp: base\n")
        self.assertEqual(layers["milp"], {"base"})
        self.assertEqual(len(problems), 1)
        self.assertIn("base may include milp, which is not on a line above", problems[0])


class Files(unittest.TestCase):

    def problems(self, name, text="#pragma once\n"):
        with with_text(text), mock.patch.object(check_files, "read", lambda name: text):
            return check_files.check_file(name)

    def test_a_good_header(self):
        self.assertEqual(self.problems("astrolabe/base/unit.h"), [])

    def test_length(self):
        self.assertEqual(self.problems("a/b.h", "#pragma once\n" + "\n" * 299), [])
        self.assertEqual(len(self.problems("a/b.h", "#pragma once\n" + "\n" * 300)), 1)
        self.assertEqual(len(self.problems("a/b.cc", "\n" * 601)), 1)

    def test_names_that_say_nothing(self):
        for name in ("a/site_utils.h", "a/helper.h", "common/a.h", "a/model_impl.h"):
            self.assertEqual(len(self.problems(name)), 1, name)
        for name in ("a/commons_price.h", "a/simple.h", "a/information.h"):
            self.assertEqual(self.problems(name), [], name)
        [problem] = self.problems("a/b.h", "#pragma once\nclass SiteManager {\n")
        self.assertIn("a/b.h:2: SiteManager", problem)

    def test_pragma_once_and_iostream(self):
        self.assertEqual(len(self.problems("a/b.h", "int x;\n")), 1)
        self.assertEqual(len(self.problems("a/b.h", "#pragma once\n#include <iostream>\n")), 1)

    def test_references(self):
        with mock.patch.object(check_files, "read", lambda name: "a\n// [hall2018highs], x[2020]\n"):
            self.assertEqual(check_files.check_references("a/b.h", {"hall2018highs"}), [])
            [problem] = check_files.check_references("a/b.h", {"other2018"})
        self.assertIn("a/b.h:2: [hall2018highs] is not in", problem)


if __name__ == "__main__":
    unittest.main()
