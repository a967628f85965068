"""What Windows and macOS lack is asked for only where it is there, as far as can be told on another system."""

import pytest
from model_making import tones, write_wav
from test_architecture import FILES, module_of
from warm_commands import WarmCommand

WITHOUT = """
import importlib, os, select, signal, sys
import multiprocessing.resource_tracker
import filelock

def load(modules):
    for name in modules.split():
        importlib.import_module(f"earmark.{name}".rstrip("."))

modules, model, wav = sys.argv[1:]
load(modules)  # other people's modules, once, as they take what this system has
for name in [name for name in sys.modules if name.split(".")[0] == "earmark"]:
    del sys.modules[name]
for name in ("fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "syslog"):
    sys.modules[name] = None
for name in (
    "fork", "getuid", "geteuid", "getgid", "uname", "sysconf", "statvfs", "killpg", "setsid", "sched_getaffinity",
    "register_at_fork", "mkfifo", "pread", "getloadavg", "O_NOFOLLOW", "O_CLOEXEC",
):
    delattr(os, name)
for name in ("pthread_sigmask", "SIGKILL", "SIGBUS", "SIGHUP", "SIGXCPU", "SIGPIPE", "SIGALRM", "setitimer", "alarm"):
    delattr(signal, name)
for name in ("poll", "epoll"):
    delattr(select, name)

load(modules)

import earmark
from pathlib import Path
from earmark.util.locks import lock_of
assert [event.label for event in earmark.label(wav, model=model)] == ["low"]
assert [event.label for event in earmark.label(Path(wav).read_bytes(), model=model)] == ["low"]
earmark.label(wav, model=model).save(Path(wav).with_suffix(".srt"))
print(len(earmark.words(wav).words))
with lock_of(Path(wav).with_suffix(".lock")):
    pass

from earmark.cli import main
sys.argv = ["earmark", "caption", wav, "--model", model]
main()
"""


@pytest.mark.posix
def test_all_loads_and_recordings_are_labelled_without_what_only_posix_has(tmp_path, low_high_file):
    modules = sorted(module_of(path) for path in FILES if path.name != "__main__.py")
    assert len(modules) > 100
    assert {"util.locks", "media.probe", "archive.cluster", "service.server"} <= set(modules)
    wav = write_wav(tmp_path / "a.wav", tones(2.0, (0.5, 1.5, 300.0)))
    with WarmCommand(" ".join(modules), low_high_file, wav, code=WITHOUT, here=True) as process:
        ended, said, told = process.ended()
    assert ended == 0, told
    assert said.splitlines()[0].isdigit()
    assert "low" in (tmp_path / "a.srt").read_text().lower()
    assert (tmp_path / "a.vtt").is_file()
