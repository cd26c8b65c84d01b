"""Which files the project has, what they include, and a cache of checks by content.

Shared by the lints of this folder; uses the standard library only.
"""

import concurrent.futures
import functools
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


@functools.lru_cache(maxsize=None)
def project_files():
    """Paths relative to the root: what git tracks, or every file where there is no git."""
    try:
        listing = subprocess.run(
            ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-z"],
            capture_output=True, check=True).stdout.decode()
        names = [name for name in listing.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, folders, files in os.walk(ROOT):
            folders[:] = [f for f in folders
                          if f not in (".git", ".venv", "build", "node_modules", "dist", "out")]
            names += [os.path.relpath(os.path.join(folder, name), ROOT) for name in files]
    return sorted(name for name in names if (ROOT / name).is_file())


def cpp_files(*suffixes):
    return [name for name in project_files() if name.endswith(suffixes)]


def includes(name):
    """(line number, included path, is it quoted) of a project file."""
    text = read(name)
    return [(text.count("\n", 0, match.start(1)) + 1, match.group(2), match.group(1) == '"')
            for match in INCLUDE.finditer(text)]


@functools.lru_cache(maxsize=None)
def read(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def closure(name):
    """A file and every project file that it includes, directly or not."""
    seen, waiting = {name}, [name]
    while waiting:
        for _, path, quoted in includes(waiting.pop()):
            if quoted and path not in seen and (ROOT / path).is_file():
                seen.add(path)
                waiting.append(path)
    return sorted(seen)


def content_key(name, *settings):
    """Changes when the file, a project file that it includes, or a setting of the check does."""
    digest = hashlib.sha256("\0".join(map(str, settings)).encode())
    for path in closure(name):
        digest.update(path.encode() + b"\0" + read(path).encode() + b"\0")
    return digest.hexdigest()


def report(check, problems, n_files):
    """Prints the outcome of a lint and returns the exit status."""
    for problem in problems:
        print(problem)
    print(f"{check}: {n_files} files, {len(problems)} problems")
    return 1 if problems else 0


def run_cached(check, build_dir, files, key_of, command_of, keep_output=lambda text: text,
               budget_s=None):
    """Runs command_of(file) on each file that did not pass before with the same content.

    What passed is remembered in build_dir/lint/<check>/<key>. With a budget, files whose turn has
    not come when it is used up are counted and left to the next run.
    """
    cache = pathlib.Path(build_dir) / "lint" / check
    cache.mkdir(parents=True, exist_ok=True)
    keys = {name: cache / key_of(name) for name in files}
    waiting = [name for name in files if not keys[name].exists()]
    began = time.monotonic()

    def run(name):
        if budget_s is not None and time.monotonic() - began > budget_s:
            return name, None, ""
        done = subprocess.run(command_of(name), cwd=ROOT, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            keys[name].touch()
        return name, done.returncode, keep_output(done.stdout + done.stderr)

    problems, late = [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for name, status, output in pool.map(run, waiting):
            if status is None:
                late.append(name)
            elif status != 0:
                problems.append(f"{name}:\n{output.rstrip()}")
    if late:
        print(f"{check}: NOT CHECKED for want of time, {len(late)} files: {' '.join(late)}")
    print(f"{check}: {len(files) - len(waiting)} files unchanged since they passed")
    return report(check, problems, len(files))


if __name__ == "__main__":
    sys.exit("a part of the lints; run one of tools/check_*.py")
