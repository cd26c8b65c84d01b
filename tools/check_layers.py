#!/usr/bin/env python3
"""Includes only point down: each #include "astrolabe/x/..." in folder y is allowed by layers.txt.

Also: every folder of astrolabe/ is in layers.txt and the other way round, the layers have no
cycle, a header is not included by another spelling, apps/ and python/ may include anything.
"""

import re
import sys

from project_files import ROOT, cpp_files, includes, read, report

LINE = re.compile(r"^([a-z_]+):\s*([a-z_ ]*)$")


def read_layers(text):
    """({folder: allowed folders}, problems). A line may name only folders of the lines above."""
    layers, problems = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.match(line)
        if not match:
            problems.append(f"tools/layers.txt:{number}: not 'folder: folder folder ...'")
            continue
        folder, allowed = match.group(1), match.group(2).split()
        for other in allowed:
            if other not in layers:
                problems.append(f"tools/layers.txt:{number}: {folder} may include {other}, "
                                "which is not on a line above")
        layers[folder] = set(allowed)
    return layers, problems


def check_file(name, layers):
    """The problems of one file."""
    problems = []
    parts = name.split("/")
    folder = parts[1] if parts[0] == "astrolabe" else None
    for number, path, quoted in includes(name):
        target = path.split("/")
        if target[0] != "astrolabe":
            if quoted and (ROOT / name).parent.joinpath(path).is_file() and folder:
                problems.append(f"{name}:{number}: include it as "
                                f"\"{'/'.join(parts[:-1])}/{path}\"")
            continue
        if not quoted:
            problems.append(f"{name}:{number}: \"{path}\" stands in quotes")
        if len(target) < 3 or target[1] not in layers:
            problems.append(f"{name}:{number}: {path} is in no folder of tools/layers.txt")
        elif folder and target[1] != folder and target[1] not in layers.get(folder, ()):
            problems.append(f"{name}:{number}: {folder} may not include {target[1]} "
                            f"(allowed: {' '.join(sorted(layers.get(folder, ()))) or 'nothing'})")
    return problems


def main():
    layers, problems = read_layers(read("tools/layers.txt"))
    files = [name for name in cpp_files(".h", ".cc")
             if name.startswith(("astrolabe/", "apps/", "python/", "bench/", "validation/"))]
    for folder in sorted({name.split("/")[1] for name in files if name.startswith("astrolabe/")}):
        if folder not in layers:
            problems.append(f"astrolabe/{folder}: not in tools/layers.txt")
    for name in files:
        problems += check_file(name, layers)
    return report("layers", problems, len(files))


if __name__ == "__main__":
    sys.exit(main())
