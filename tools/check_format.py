#!/usr/bin/env python3
"""clang-format on every C++ file of the project. With --fix, formats them."""

import subprocess
import sys

from project_files import ROOT, cpp_files, report


def main():
    files = cpp_files(".h", ".cc")
    if "--fix" in sys.argv[1:]:
        return subprocess.run(["clang-format", "-i", *files], cwd=ROOT, check=False).returncode
    problems = []
    for name in files:
        done = subprocess.run(["clang-format", "--dry-run", "-Werror", name], cwd=ROOT,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            problems.append("\n".join(done.stderr.splitlines()[:3]))
    if problems:
        problems.append("tools/check_format.py --fix formats them")
    return report("format", problems, len(files))


if __name__ == "__main__":
    sys.exit(main())
