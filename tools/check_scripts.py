#!/usr/bin/env python3
"""Every shell script parses under dash (#!/bin/sh) and passes shellcheck; every .py compiles."""

import ast
import subprocess
import sys

from project_files import ROOT, project_files, read, report


def main():
    problems, n_files = [], 0
    for name in project_files():
        path = ROOT / name
        if name.endswith(".py"):
            n_files += 1
            try:
                ast.parse(read(name), name)
            except SyntaxError as error:
                problems.append(f"{name}:{error.lineno}: {error.msg}")
            continue
        first = path.open("rb").readline(80)
        if not (name.endswith(".sh") or (first.startswith(b"#!") and b"sh" in first.split(b"/")[-1])):
            continue
        n_files += 1
        checks = [["shellcheck", "-x", name]]
        if b"bash" not in first:
            checks.append(["dash", "-n", name])
        for command in checks:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                problems.append((done.stdout + done.stderr).strip())
    return report("scripts", problems, n_files)


if __name__ == "__main__":
    sys.exit(main())
