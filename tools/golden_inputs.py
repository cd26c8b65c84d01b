"""The temporary folder in which a golden test runs: its input files, and the command itself.

Some inputs need the machine's help: a file that cannot be read, a disk that is full. Each has a way
for root and one for everybody else, chosen by what works here.
"""

import functools
import os
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import time

from project_files import ROOT

SIZE = re.compile(r"^(\d+)(B|kB|KB|MB|GB)?$")
FACTORS = {None: 1, "B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3}


def bytes_of(text):
    match = SIZE.match(text)
    if not match:
        raise ValueError(f"not a size (100MB, 64kB): {text}")
    return int(match.group(1)) * FACTORS[match.group(2)]


@functools.lru_cache(maxsize=None)
def works(*command):
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def mount_prefix():
    """The command that makes mounts private to one process, or None where that is refused."""
    for prefix in (["unshare", "-m"], ["unshare", "-r", "-m"]):
        if works(*prefix, "mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", "/mnt"):
            return prefix
    return None


# Root reads every file, unless it gives that power up.
NO_OVERRIDE = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


class Sandbox:
    """The folder, and what the commands need to be wrapped in."""

    def __init__(self, folder):
        self.folder = folder
        self.prefix = []
        self.file_size_limit = None
        self.environment = {}
        self.interrupt_at = None  # the next command, once it has written this file

    def path(self, name):
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder):
            raise ValueError(f"{name} is outside the folder of the test")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def prepare(self, words, content):
        """Carries out one '-- ...' directive; `content` are the lines below it."""
        kind, arguments = words[0], words[1:]
        actions = {"file": self.make_file, "base": self.make_from_base,
                   "generate": self.make_large, "binary": self.make_binary,
                   "empty": self.make_empty, "directory": self.make_directory,
                   "unreadable": self.make_unreadable, "full": self.make_full_disk,
                   "env": self.set_environment, "interrupt": self.set_interrupt}
        if kind not in actions:
            raise ValueError(f"no such directive: {' '.join(words)} (known: "
                             f"{', '.join(sorted(actions))}, exit, stdout, stderr)")
        actions[kind](arguments, content)

    def make_file(self, arguments, content):
        self.path(arguments[0]).write_text("".join(line + "\n" for line in content),
                                           encoding="utf-8")

    def make_from_base(self, arguments, content):
        """-- base SOURCE [NAME], then 'edit: s/regex/text/', 'append: line', 'delete: regex'."""
        text = (ROOT / arguments[0]).read_text(encoding="utf-8")
        name = arguments[1] if len(arguments) > 1 else "scenario.toml"
        for line in content:
            if line.strip():
                text = edited(text, line)
        self.path(name).write_text(text, encoding="utf-8")

    def make_large(self, arguments, content):
        """-- generate NAME SIZE: the lines below, again and again ('{n}' is the repetition)."""
        template = "".join(line + "\n" for line in content) or "# {n}\n"
        left, repetition = bytes_of(arguments[1]), 0
        with self.path(arguments[0]).open("w", encoding="utf-8") as file:
            while left > 0:
                chunk = "".join(template.replace("{n}", str(repetition + i)) for i in range(1000))
                repetition += 1000
                file.write(chunk[:left])
                left -= len(chunk)

    def make_binary(self, arguments, _content):
        """-- binary NAME [SIZE]: the same random bytes each time, zeros among them."""
        size = bytes_of(arguments[1]) if len(arguments) > 1 else 4096
        self.path(arguments[0]).write_bytes(b"\x7fELF\x00\xff\xfe" + random.Random(1).randbytes(size))

    def set_interrupt(self, arguments, _content):
        """-- interrupt when FILE: Ctrl-C for the next command once FILE holds something."""
        if len(arguments) != 2 or arguments[0] != "when":
            raise ValueError("not 'interrupt when FILE'")
        self.interrupt_at = self.path(arguments[1])

    def make_empty(self, arguments, _content):
        self.path(arguments[0]).touch()

    def make_directory(self, arguments, _content):
        self.path(arguments[0]).mkdir(parents=True, exist_ok=True)

    def make_unreadable(self, arguments, content):
        path = self.path(arguments[0])
        self.make_file(arguments, content)
        if os.geteuid() != 0 or works(*NO_OVERRIDE, "true"):
            path.chmod(0)
            if os.geteuid() == 0:
                self.prefix = NO_OVERRIDE + self.prefix
        else:
            path.unlink()
            path.symlink_to("/proc/self/mem")  # opens, and fails at the first byte

    def make_full_disk(self, arguments, _content):
        """-- full disk NAME SIZE: a directory that takes no more than SIZE."""
        name, size = arguments[1], bytes_of(arguments[2])
        directory = self.path(name)
        directory.mkdir()
        prefix = mount_prefix()
        if prefix:
            self.prefix += prefix + ["sh", "-c", f"mount -t tmpfs -o size={size} tmpfs \"$0\" && "
                                     "exec \"$@\"", str(directory)]
        else:
            self.file_size_limit = size

    def set_environment(self, arguments, _content):
        name, _, value = " ".join(arguments).partition("=")
        self.environment[name] = value.replace("{root}", str(ROOT))


def edited(text, line):
    """`text` after one edit line. An edit that changes nothing is an error of the test."""
    verb, _, rest = line.partition(":")
    rest = rest.strip()
    if verb == "append":
        return text.rstrip("\n") + "\n" + rest + "\n"
    if verb == "delete":
        new, count = re.subn(rf"^.*{rest}.*\n", "", text, flags=re.MULTILINE)
    elif verb == "edit" and len(rest) > 3 and rest[0] == "s":
        fields = re.split(rf"(?<!\\){re.escape(rest[1])}", rest[2:])
        if len(fields) != 3:
            raise ValueError(f"not s/regex/text/ or s/regex/text/g: {rest}")
        replacement = fields[1].replace("\\" + rest[1], rest[1])
        new, count = re.subn(fields[0], replacement, text, count=0 if fields[2] == "g" else 1,
                             flags=re.MULTILINE)
    else:
        raise ValueError(f"not an edit (edit: s/regex/text/, append: line, delete: regex): {line}")
    if count == 0:
        raise ValueError(f"this edit finds nothing: {line}")
    return new


def run_command(program, text, sandbox, timeout):
    """Runs 'astrolabe ARGUMENTS [< FILE] [> FILE]' and returns exit, stdout, stderr."""
    words = shlex.split(text.replace("{root}", str(ROOT)))
    if words[0] != "astrolabe":
        raise ValueError(f"a command starts with astrolabe: {text}")
    streams = {"<": None, ">": None}
    for sign in streams:
        if sign in words:
            at = words.index(sign)
            streams[sign] = words[at + 1]
            del words[at:at + 2]

    def limits():
        if sandbox.file_size_limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            limit = sandbox.file_size_limit
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    prefix = list(sandbox.prefix)
    if prefix and not shutil.which(prefix[0]):
        prefix = []
    environment = dict(os.environ, NO_COLOR="1", COLUMNS="100", LC_ALL="C.UTF-8",
                       **sandbox.environment)
    stdin = open(sandbox.folder / streams["<"], "rb") if streams["<"] else subprocess.DEVNULL
    stdout = open(sandbox.folder / streams[">"], "wb") if streams[">"] else subprocess.PIPE
    try:
        child = subprocess.Popen(prefix + [str(program), *words[1:]], cwd=sandbox.folder,
                                 stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
                                 preexec_fn=limits, env=environment)
        given, complaint = finish(child, sandbox, timeout)
    finally:
        for stream in (stdin, stdout):
            if not isinstance(stream, int):
                stream.close()
    return {"exit": child.returncode, "stdout": readable(given or b"", sandbox),
            "stderr": readable(complaint, sandbox)}


def finish(child, sandbox, timeout):
    """Waits for the child, interrupts it where the test says so; its stdout and stderr."""
    awaited, sandbox.interrupt_at = sandbox.interrupt_at, None
    end = time.monotonic() + timeout
    try:
        while awaited and child.poll() is None:
            if awaited.exists() and awaited.stat().st_size > 0:
                child.send_signal(signal.SIGINT)
                break
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(child.args, timeout)
            time.sleep(0.02)
        return child.communicate(timeout=max(0.1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise


def readable(output, sandbox):
    text = output.decode("utf-8", errors="replace")
    return text.replace(str(sandbox.folder), "{tmp}").replace(str(ROOT), "{root}")
