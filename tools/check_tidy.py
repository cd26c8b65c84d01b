#!/usr/bin/env python3
"""clang-tidy (.clang-tidy) on every source file, tests excepted, that changed since it passed.

Usage: check_tidy.py BUILD_DIR [--budget-s SECONDS] [FILE...]
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

from project_files import ROOT, content_key, read, run_cached

NOISE = re.compile(r"^(\d+ warnings? (generated|and).*|Suppressed \d+ warnings.*"
                   r"|Use -header-filter.*|\d+ warnings? treated as errors?|)$")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build_dir")
    parser.add_argument("--budget-s", type=float, default=None)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()

    # The build compiles several files at once; this is how each would be compiled alone.
    listing = pathlib.Path(options.build_dir) / "listing"
    subprocess.run(["cmake", "-S", str(ROOT), "-B", str(listing), "-G", "Ninja",
                    "-DCMAKE_UNITY_BUILD=OFF"], stdout=subprocess.DEVNULL, check=True)
    commands = json.loads((listing / "compile_commands.json").read_text())
    compiled = sorted({str(pathlib.Path(entry["file"]).relative_to(ROOT)) for entry in commands
                       if pathlib.Path(entry["file"]).is_relative_to(ROOT)})
    files = options.files or [name for name in compiled if "/test/" not in name
                              and not name.startswith("build/") and (ROOT / name).is_file()]
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True,
                             check=True).stdout
    settings = read(".clang-tidy")
    return run_cached(
        "tidy", options.build_dir, files,
        key_of=lambda name: content_key(name, version, settings),
        command_of=lambda name: ["clang-tidy", "-p", str(listing), "--quiet", name],
        keep_output=lambda text: "\n".join(line for line in text.splitlines()
                                           if not NOISE.match(line)),
        budget_s=options.budget_s)


if __name__ == "__main__":
    sys.exit(main())
