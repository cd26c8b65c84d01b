#!/usr/bin/env python3
"""Runs golden tests: command lines of astrolabe with their expected outcome, as data files.

Usage: golden.py ASTROLABE [--update] [--keep] FILE.test...
The format is described in tests/golden/README.md. With ASTROLABE_GOLDEN_COPY=FOLDER in the
environment, what the commands wrote to out/ is left in FOLDER, for another test to compare with.
"""

import argparse
import contextlib
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from golden_inputs import Sandbox, run_command

STREAMS = ("stdout", "stderr")
RELATIONS = ("is", "contains", "matches", "lacks")


class FormatError(Exception):
    """The test file itself is wrong."""


class Expectation:
    """One '-- stdout contains' block: what it looks at, how, and the lines it compares with."""

    def __init__(self, line, subject, relation):
        self.line, self.subject, self.relation, self.lines = line, subject, relation, []

    def check(self, actual):
        """What is wrong with `actual`, or None."""
        wanted = [line for line in self.lines if line.strip()]
        if self.relation == "is":
            return self.compare(actual)
        if actual is None:
            return f"{self.subject} does not exist"
        for line in wanted:
            if self.relation == "matches":
                found = re.search(line, actual, re.MULTILINE)
            else:
                found = line in actual
            if bool(found) == (self.relation == "lacks"):
                verb = "holds" if found else "does not hold"
                return f"{self.subject} {verb}: {line}"
        return None

    def compare(self, actual):
        if actual is None:
            return f"{self.subject} does not exist"
        wanted = strip_end(self.lines)
        given = strip_end(actual.split("\n"))
        if len(wanted) == len(given) and all(map(line_equals, wanted, given)):
            return None
        return "\n".join(difflib.unified_diff(wanted, given, f"expected {self.subject}",
                                              f"actual {self.subject}", lineterm=""))


class Command:
    """One '$ astrolabe ...' line and what is expected of it."""

    def __init__(self, line, text):
        self.line, self.text = line, text
        self.exit_line, self.exit = None, 0
        self.expectations = []


class GoldenTest:
    """A .test file: its inputs in order, its commands, and its lines for --update."""

    def __init__(self, path):
        self.path = path
        self.lines = path.read_text(encoding="utf-8").split("\n")
        self.header, self.inputs, self.commands = {}, [], []
        self.parse()

    def parse(self):
        block = None  # the list that receives plain lines
        for number, line in enumerate(self.lines, 1):
            if line.startswith("$ "):
                self.commands.append(Command(number, line[2:]))
                block = None
            elif line.startswith("-- "):
                block = self.directive(number, line[3:].strip())
            elif block is not None:
                block.append(line)
            elif line.strip() and not line.startswith("#"):
                self.header_line(number, line)
        for key in ("name", "description"):
            if key not in self.header:
                raise FormatError(f"{self.path}:1: no '{key}:' line")
        if not self.commands:
            raise FormatError(f"{self.path}:1: no '$ astrolabe ...' line")

    def header_line(self, number, line):
        key, colon, value = line.partition(":")
        if self.commands or not colon or key not in ("name", "description", "timeout"):
            raise FormatError(f"{self.path}:{number}: expected a directive ('-- ...', '$ ...'): "
                              f"{line}")
        self.header[key] = value.strip()

    def directive(self, number, text):
        words = text.split()
        if words[0] == "exit":
            command = self.last_command(number)
            command.exit_line, command.exit = number, int(words[1])
            return None
        if words[-1] in RELATIONS and len(words) in (2, 3):
            subject = " ".join(words[:-1])
            if words[0] not in STREAMS and not (words[0] == "file" and len(words) == 3):
                raise FormatError(f"{self.path}:{number}: neither stdout, stderr nor 'file PATH'")
            expectation = Expectation(number, subject, words[-1])
            self.last_command(number).expectations.append(expectation)
            return expectation.lines
        content = []
        self.inputs.append((len(self.commands), number, words, content))
        return content

    def last_command(self, number):
        if not self.commands:
            raise FormatError(f"{self.path}:{number}: an expectation before the first '$' line")
        return self.commands[-1]

    def run(self, program, keep):
        """Runs every command; returns the problems and what --update would write."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="astrolabe_golden_")).resolve()
        problems, actuals = [], []
        try:
            sandbox = Sandbox(folder)
            for index, command in enumerate(self.commands):
                for position, number, words, content in self.inputs:
                    if position == index:
                        self.prepare(sandbox, number, words, content)
                try:
                    outcome = run_command(program, command.text, sandbox,
                                          float(self.header.get("timeout", 60)))
                except subprocess.TimeoutExpired as error:
                    problems.append(f"{self.path}:{command.line}: no end after "
                                    f"{error.timeout:.0f} s")
                    break
                problems += self.judge(command, outcome, folder)
                actuals.append((command, outcome))
            copy_output(folder / "out")
        finally:
            if keep:
                print(f"kept: {folder}")
            else:
                with contextlib.suppress(OSError):
                    folder.chmod(0o700)
                shutil.rmtree(folder, ignore_errors=True)
        return problems, actuals

    def prepare(self, sandbox, number, words, content):
        try:
            sandbox.prepare(words, strip_end(content))
        except (ValueError, IndexError, OSError) as error:
            raise FormatError(f"{self.path}:{number}: {error}") from error

    def judge(self, command, outcome, folder):
        problems = []
        if outcome["exit"] != command.exit:
            problems.append(f"{self.path}:{command.exit_line or command.line}: "
                            f"exit {outcome['exit']}, expected {command.exit}")
        for expectation in command.expectations:
            problem = expectation.check(actual_of(expectation, outcome, folder))
            if problem:
                problems.append(f"{self.path}:{expectation.line}: {problem}")
        if problems:
            for stream in STREAMS:
                problems.append(f"--- {stream} of: {command.text}\n{outcome[stream][:4000]}")
        return problems

    def update(self, actuals):
        """Writes actual exit codes and 'is' blocks of the streams into the file."""
        edits = []  # (first line, line after the last, new lines), counted from 0
        for command, outcome in actuals:
            if command.exit_line:
                edits.append((command.exit_line - 1, command.exit_line,
                              [f"-- exit {outcome['exit']}"]))
            for expectation in command.expectations:
                if expectation.relation == "is" and expectation.subject in STREAMS:
                    if expectation.check(outcome[expectation.subject]) is None:
                        continue
                    first = expectation.line
                    new = strip_end(outcome[expectation.subject].split("\n"))
                    kept = len(expectation.lines) - len(strip_end(expectation.lines))
                    edits.append((first, first + len(expectation.lines), new + [""] * kept))
        for first, last, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
            self.lines[first:last] = new
        self.path.write_text("\n".join(self.lines), encoding="utf-8")


def copy_output(out):
    copy = os.environ.get("ASTROLABE_GOLDEN_COPY")
    if copy:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(out, copy)


def actual_of(expectation, outcome, folder):
    if expectation.subject in STREAMS:
        return outcome[expectation.subject]
    path = folder / expectation.subject.split()[1]
    if not path.is_file():
        return None
    return path.read_text(encoding="utf-8", errors="replace")


def strip_end(lines):
    last = len(lines)
    while last > 0 and not lines[last - 1].strip():
        last -= 1
    return lines[:last]


def line_equals(wanted, given):
    """Equal, where {any} stands for any text."""
    pattern = ".*".join(re.escape(part) for part in wanted.rstrip().split("{any}"))
    return re.fullmatch(pattern, given.rstrip()) is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--update", action="store_true",
                        help="write the actual exit codes and 'is' blocks into the files")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folders")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    options = parser.parse_args()

    failed = 0
    for path in options.files:
        try:
            test = GoldenTest(path)
            problems, actuals = test.run(options.program.resolve(), options.keep)
        except FormatError as error:
            problems, actuals = [str(error)], []
        if problems and options.update and actuals:
            test.update(actuals)
            print(f"updated {path}")
            problems, _ = GoldenTest(path).run(options.program.resolve(), False)
        failed += bool(problems)
        print(f"{'FAILED' if problems else 'passed'} {path}")
        for problem in problems:
            print(problem)
    print(f"golden: {len(options.files)} files, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
