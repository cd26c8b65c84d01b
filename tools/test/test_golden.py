"""The golden runner, on a program of six lines whose outcome is known."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent
HEADER = "name: t\ndescription: d\n"
PROGRAM = """#!/bin/sh
case "$1" in
  echo) shift; echo "$@" ;;
  read) cat "$2" >/dev/null || { echo "astrolabe: cannot read $2" >&2; exit 2; } ;;
  fill) head -c "$3" /dev/zero >"$2" || exit 4 ;;
  size) wc -c <"$2" ;;
  cat) cat "$2" ;;
  wait) trap 'echo interrupted; exit 130' INT; echo ready >"$2"; while :; do sleep 0.05; done ;;
esac
"""


class GoldenRunner(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.program = self.folder / "astrolabe"
        self.program.write_text(PROGRAM)
        self.program.chmod(0o755)

    def run_test(self, text, *options):
        self.file = self.folder / "case.test"
        self.file.write_text(HEADER + text)
        done = subprocess.run([sys.executable, "-B", str(TOOLS / "golden.py"), str(self.program),
                               *options, str(self.file)], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout

    def assert_passes(self, text):
        status, output = self.run_test(text)
        self.assertEqual(status, 0, output)

    def assert_fails(self, text, because):
        status, output = self.run_test(text)
        self.assertEqual(status, 1, output)
        self.assertIn(because, output)

    def test_exact_output_with_a_wildcard(self):
        self.assert_passes("$ astrolabe echo took 12 s\n-- stdout is\ntook {any} s\n-- stderr is\n")

    def test_another_output_fails(self):
        self.assert_fails("$ astrolabe echo a\n-- stdout is\nb\n", "-b\n+a")

    def test_a_line_too_many_fails(self):
        self.assert_fails("$ astrolabe echo a\n-- stdout is\n", "+a")

    def test_another_exit_code_fails(self):
        self.assert_fails("$ astrolabe echo a\n-- exit 2\n", "exit 0, expected 2")

    def test_an_exit_code_not_named_is_zero(self):
        self.assert_fails("$ astrolabe read nothing\n", "exit 2, expected 0")

    def test_contains_matches_lacks(self):
        self.assert_passes("$ astrolabe echo gap 0.5 %\n-- stdout contains\ngap\n0.5\n"
                           "-- stdout matches\n^gap \\d\\.\\d\n-- stdout lacks\nerror\n")
        self.assert_fails("$ astrolabe echo a\n-- stdout contains\nb\n", "does not hold: b")
        self.assert_fails("$ astrolabe echo a\n-- stdout matches\n^b\n", "does not hold: ^b")
        self.assert_fails("$ astrolabe echo a\n-- stdout lacks\na\n", "holds: a")

    def test_a_file_as_input_and_a_file_as_output(self):
        self.assert_passes("-- file sub/a.toml\n[x]\ny = 1\n\n$ astrolabe cat sub/a.toml\n"
                           "-- stdout is\n[x]\ny = 1\n")
        self.assert_passes("$ astrolabe echo hello > out.txt\n-- file out.txt is\nhello\n")
        self.assert_fails("$ astrolabe echo a\n-- file out.txt is\na\n", "does not exist")

    def test_base_with_edits(self):
        layers = TOOLS / "layers.txt"
        self.assertIn("base:\n", layers.read_text())
        self.assert_passes("-- base tools/layers.txt a.txt\nedit: s/^base:$/ground: x/\n"
                           "append: end:\n$ astrolabe cat a.txt\n-- stdout matches\n"
                           "^ground: x$\n^end:$\n")
        self.assert_fails("-- base tools/layers.txt\nedit: s/no such text/x/\n$ astrolabe echo\n",
                          "this edit finds nothing")

    def test_sizes(self):
        self.assert_passes("-- generate a.toml 3MB\nx{n} = 1\n$ astrolabe size a.toml\n"
                           "-- stdout is\n3000000\n")
        self.assert_passes("-- empty a.toml\n$ astrolabe size a.toml\n-- stdout is\n0\n")
        self.assert_passes("-- binary a.toml 100B\n$ astrolabe size a.toml\n-- stdout is\n107\n")

    def test_a_file_that_cannot_be_read(self):
        self.assert_passes("-- unreadable a.toml\nx = 1\n$ astrolabe read a.toml\n-- exit 2\n"
                           "-- stderr contains\ncannot read a.toml\n")

    def test_a_command_is_interrupted_once_it_has_written_a_file(self):
        self.assert_passes("-- interrupt when begun\n$ astrolabe wait begun\n-- exit 130\n"
                           "-- stdout is\ninterrupted\n")

    def test_a_full_disk_takes_what_fits_and_no_more(self):
        self.assert_passes("-- full disk out 64kB\n$ astrolabe fill out/a 20000\n"
                           "$ astrolabe fill out/b 200000\n-- exit 4\n")

    def test_update_rewrites_exit_and_exact_blocks_only(self):
        status, output = self.run_test("$ astrolabe echo a\n-- exit 2\n-- stdout is\nb\n"
                                       "-- stdout contains\na\n", "--update")
        self.assertEqual(status, 0, output)
        self.assertEqual(self.file.read_text(),
                         HEADER + "$ astrolabe echo a\n-- exit 0\n-- stdout is\na\n"
                         "-- stdout contains\na\n")

    def test_a_mistake_in_the_test_file_is_named(self):
        self.assert_fails("-- fiel a\n$ astrolabe echo\n", "no such directive: fiel a")
        self.assert_fails("$ astrolabe echo\n-- stdot is\n", "neither stdout")
        self.assert_fails("", "no '$ astrolabe ...' line")
        self.assert_fails("-- stdout is\n", "before the first '$' line")


if __name__ == "__main__":
    unittest.main()
