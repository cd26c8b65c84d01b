#!/usr/bin/env python3
"""Every header compiles alone. Usage: check_headers.py BUILD_DIR"""

import json
import pathlib
import shlex
import subprocess
import sys

from project_files import ROOT, content_key, cpp_files, run_cached


def include_flags(build_dir):
    """(compiler, -I, -isystem, -D and -std of every project compilation together)."""
    flags, compiler = {}, "g++"
    for entry in json.loads((pathlib.Path(build_dir) / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        compiler = next(w for w in words if "ccache" not in w)
        for i, word in enumerate(words):
            if word == "-isystem":
                flags["-isystem " + words[i + 1]] = [word, words[i + 1]]
            elif word.startswith(("-I", "-D", "-std=")):
                flags[word] = [word]
    return compiler, [word for words in flags.values() for word in words]


def main():
    build_dir = sys.argv[1]
    compiler, flags = include_flags(build_dir)
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True,
                             check=True).stdout
    headers = [name for name in cpp_files(".h") if name.startswith("astrolabe/")]
    return run_cached(
        "headers", build_dir, headers,
        key_of=lambda name: content_key(name, version, flags),
        # Included from an empty file: compiled as a main file, #pragma once would warn.
        command_of=lambda name: [compiler, *flags, "-fsyntax-only", "-x", "c++", "-include",
                                 str(ROOT / name), "/dev/null"])


if __name__ == "__main__":
    sys.exit(main())
