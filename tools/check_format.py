#!/usr/bin/env python3
"""clang-format on every C++ file of the project. With --fix, formats them."""

import subprocess
import sys

from project_files import ROOT, cpp_files, report


def main():
    files = cpp_files(".h", ".cc")
    if "--fix" in sys.argv[1:]:
        return subprocess.run(["clang-format", "-i", *files], cwd=ROOT, check=False).returncode
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    problems = [line for line in done.stderr.splitlines() if ": error: " in line]
    if done.returncode != 0:
        problems.append("tools/check_format.py --fix formats them")
    return report("format", problems, len(files))


if __name__ == "__main__":
    sys.exit(main())
