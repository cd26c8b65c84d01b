#!/usr/bin/env python3
"""House rules that can be read off a file.

Length, name, #pragma once, no <iostream> in headers, and quoted references that exist.
"""

import re
import sys

from project_files import includes, project_files, read, report

MOST_LINES = {".h": 300, ".cc": 600, ".py": 600, ".ts": 600, ".sh": 600}
# These say nothing of what is in a file.
FORBIDDEN = re.compile(r"(?:^|_)(utils?|manager|helpers?|common|impl|infos?|misc)(?:_|\.|$)",
                       re.IGNORECASE)
FORBIDDEN_TYPE = re.compile(
    r"^\s*(?:class|struct|enum(?: class)?)\s+"
    r"(\w*(?:Utils?|Manager|Helpers?|Common|Impl|Infos?|Base|Data))\s*(?:final\s*)?[:{]",
    re.MULTILINE)
# A header that every module may want to print from would pull the streams into all of them.
HEADER_BANS = ("iostream",)
BIBLIOGRAPHY = "docs/references.bib"
REFERENCE = re.compile(r"\[([a-z]+(?:19|20)\d\d[a-z0-9]*)\]")


def check_header(name):
    problems = []
    if not re.search(r"^#pragma once$", read(name), re.MULTILINE):
        problems.append(f"{name}:1: no #pragma once")
    for number, path, _ in includes(name):
        if path in HEADER_BANS:
            problems.append(f"{name}:{number}: <{path}> in a header")
    return problems


def check_references(name, known):
    """Every [huangfu2018highs] in a header or a page of docs/ is a key of the bibliography."""
    text = read(name)
    return [f"{name}:{text.count(chr(10), 0, match.start()) + 1}: [{match.group(1)}] is not in "
            f"{BIBLIOGRAPHY}" for match in REFERENCE.finditer(text) if match.group(1) not in known]


def check_file(name):
    problems = []
    suffix = "." + name.rsplit(".", 1)[-1]
    if suffix in MOST_LINES:
        lines = read(name).count("\n")
        if lines > MOST_LINES[suffix]:
            problems.append(f"{name}: {lines} lines, the limit is {MOST_LINES[suffix]}: "
                            "split it by concept")
        parts = name.split("/")
        if any(FORBIDDEN.search(part) for part in parts):
            problems.append(f"{name}: a name that says nothing (Utils, Manager, Helper, Common, "
                            "Impl, Info)")
    if suffix in (".h", ".cc"):
        for match in FORBIDDEN_TYPE.finditer(read(name)):
            line = read(name).count("\n", 0, match.start(1)) + 1
            problems.append(f"{name}:{line}: {match.group(1)}: a type name that says nothing")
    if suffix == ".h":
        problems += check_header(name)
    return problems


def main():
    files = project_files()
    problems = [problem for name in files for problem in check_file(name)]
    known = set(re.findall(r"^@\w+\{([^,]+),", read(BIBLIOGRAPHY), re.MULTILINE))
    for name in files:
        if name.endswith((".h", ".cc")) or (name.startswith("docs/") and name.endswith(".md")):
            problems += check_references(name, known)
    return report("files", problems, len(files))


if __name__ == "__main__":
    sys.exit(main())
