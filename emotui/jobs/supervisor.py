"""Run one job and keep the truth about it: `python -I -S supervisor.py JOBDIR`.

Every job has a supervisor of its own, in a session of its own; no daemon watches over them.
It needs the standard library and modules of ours that need nothing else. In JOBDIR:

    spec.json   what to run, written by whoever submits and never changed
    lock        an OFD lock on it is held for as long as the supervisor lives
    state.json  the processes, durable before the command starts
    log         the command's output, written by the command itself: no pipe that could break
    stop        exists when somebody asked for an end
    exit.json   how it ended, written once, before the lock is dropped

The command waits at a gate (a pipe) until state.json is on disk: a supervisor that dies earlier
leaves no process that nobody knows of. As a subreaper it inherits every descendant that detaches
itself, so "no child is left" proves that a stop left nothing behind.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Run by path with -I -S: our own package has to be found, after the standard library.
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from emotui.jobs.disk import bound_file, first_full
from emotui.jobs.processes import (
    JOB_VARIABLE,
    boot_clock,
    boot_id,
    descendants,
    open_lock,
    read_stat,
    send,
    take_lock,
)
from emotui.jobs.publishing import publish
from emotui.support.files import write_atomic

_PR_SET_CHILD_SUBREAPER = 36
_TICK_S, _KILL_TICK_S, _FULL_TICK_S = 0.25, 0.05, 0.5
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
_IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTTOU)
_RESET = (*_IGNORED, signal.SIGTERM, signal.SIGCHLD)
_GATE_SHUT = 125

Record = dict[str, Any]


class Supervisor:
    """The life of one job, from its record to its end."""

    def __init__(self, folder: Path, lock: int, umask: int) -> None:
        self.folder, self.lock, self.umask = folder, lock, umask
        self.spec: Record = {}
        self.record: Record = {"state": "starting", "boot": boot_id(), "host": os.uname().nodename}
        self.recorded_running = False
        self.child = 0
        self.exit_code: int | None = None  # as `os.waitstatus_to_exitcode` says it
        self.childless = False
        self.terminated = False
        self.grace_s, self.log_limit_bytes = 0.0, 0
        self.signal_sent = 0
        self.kill_at = 0.0
        self.wake = -1

    def run(self) -> None:
        """Run the job to its end and write down how it ended."""
        began = boot_clock()
        reason: Record | None
        try:
            self.spec = json.loads((self.folder / "spec.json").read_bytes())
            self.grace_s = float(self.spec["grace_s"])
            self.log_limit_bytes = int(self.spec["log_limit_bytes"])
            self.catch_signals()
            reason = {"code": "cancelled"} if self.stop_is_wanted() else self.start()
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = {"code": "supervisor", "error": str(error)}
        if reason:
            self.record.pop("started", None)
        else:
            self.record_running()
        say("failed" if reason else "running")
        while self.child and not self.step():
            pass
        outcome = self.outcome(reason)
        ended = {"ended": time.time(), "seconds": boot_clock() - began}
        self.write_end(self.record | outcome | ended)

    def catch_signals(self) -> None:
        """Outlive the terminal; take SIGTERM as a wish to stop; wake at a child's end."""
        self.wake, wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGTERM, self.terminate)
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def terminate(self, _number: int, _frame: object) -> None:
        """Note that the machine, or somebody on it, wants the supervisor itself to end."""
        self.terminated = True

    def stop_is_wanted(self) -> bool:
        """Return whether the job is to end."""
        return self.terminated or (self.folder / "stop").exists()

    def start(self) -> Record | None:
        """Start the command; return the reason when that cannot be done."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        log = os.open(self.folder / "log", flags, 0o600)
        gate, gate_end = os.pipe2(os.O_CLOEXEC)
        failure, failure_end = os.pipe2(os.O_CLOEXEC)
        self.child = os.fork()
        if self.child == 0:
            os.close(gate_end)
            os.close(self.lock)
            self.become_command(gate, log, failure_end)
        for descriptor in (gate, failure_end, log):
            os.close(descriptor)
        pids = {"supervisor": identity(os.getpid()), "child": identity(self.child)}
        self.record |= {**pids, "started": time.time()}
        try:
            self.write("state.json", self.record)
            os.write(gate_end, b"x")
        finally:
            os.close(gate_end)
        with os.fdopen(failure, "rb") as told:
            code, _, error = told.read().decode(errors="replace").partition(":")
        return {"code": code, "error": error} if code else None

    def become_command(self, gate: int, log: int, failure: int) -> None:
        """In the child: wait at the gate, then turn into the command; never returns."""
        step, name = "command", self.spec["argv"][0]
        try:
            signal.set_wakeup_fd(-1)
            for number in _RESET:
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            os.umask(self.umask)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            if not os.read(gate, 1):
                os._exit(_GATE_SHUT)
            changes = {**self.spec["env"], JOB_VARIABLE: str(self.folder)}
            merged = {**os.environ, **changes}
            environment = {key: value for key, value in merged.items() if value is not None}
            step, name = "folder", self.spec["cwd"]
            os.chdir(name)
            step, name = "command", self.spec["argv"][0]
            os.execvpe(name, self.spec["argv"], environment)  # noqa: S606
        except BaseException as error:  # noqa: BLE001 (told to the supervisor)
            text = getattr(error, "strerror", None) or str(error)
            os.write(failure, f"{step}:{name}: {text}".encode(errors="replace")[:4096])
        os._exit(127)

    def step(self) -> bool:
        """Wait a moment, look at the processes, act on a wish to stop; True at the end."""
        select.select([self.wake], [], [], _KILL_TICK_S if self.signal_sent else _TICK_S)
        try:
            os.read(self.wake, 4096)
        except BlockingIOError:
            pass
        self.reap()
        if self.childless or (self.exit_code is not None and not self.signal_sent):
            return True
        if self.stop_is_wanted():
            self.stop()
        if "started" in self.record and not self.recorded_running:
            self.record_running()
        bound_file(self.folder / "log", self.log_limit_bytes)
        return False

    def reap(self) -> None:
        """Collect the processes that have ended; `childless` when none at all is left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.child:
                    self.exit_code = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            self.childless = True

    def stop(self) -> None:
        """Ask every process to end; after the time of grace kill them, until none is left."""
        if not self.signal_sent:
            self.signal_sent = signal.SIGTERM
            self.kill_at = boot_clock() + self.grace_s
            below = descendants(os.getpid())
            send(below, signal.SIGTERM)
            send(below, signal.SIGCONT)  # a stopped process could not obey
        elif boot_clock() >= self.kill_at:
            self.signal_sent = signal.SIGKILL
            send(descendants(os.getpid()), signal.SIGSTOP)  # frozen, none can fork away
            send(descendants(os.getpid()), signal.SIGKILL)

    def record_running(self) -> None:
        """Write down that the command runs; tried again while the disk is full."""
        try:
            self.write("state.json", self.record | {"state": "running"})
            self.recorded_running = True
        except OSError:
            pass

    def outcome(self, reason: Record | None) -> Record:
        """Return state, exit status, signal and reason; publish the output of a success."""
        code = self.exit_code
        outcome: Record = {"exit_status": None, "signal": None, "leftovers": []}
        if code is not None and not reason:
            outcome |= {"exit_status": code} if code >= 0 else {"signal": -code}
        if not self.childless:
            outcome["leftovers"] = descendants(os.getpid())
        if self.signal_sent:
            asked = (self.folder / "stop").exists()
            reason = {"code": "cancelled" if asked else "terminated"}
        elif code and not reason:
            reason = {"code": "signal" if code < 0 else "exit-status", "number": abs(code)}
            reason |= self.full_disk()
        elif code == 0 and self.spec["publish"]:
            reason = publish(self.spec["publish"], self.folder.name)
        outcome["state"] = "failed" if reason else "succeeded"
        if reason and reason["code"] in ("cancelled", "terminated"):
            outcome["state"] = "cancelled"
        return outcome | {"reason": reason}

    def full_disk(self) -> Record:
        """Return the first of the job's places that has no room left: why it may have failed."""
        output = self.spec["publish"] or {"partial": self.spec["cwd"]}
        full = first_full((self.folder, Path(self.spec["cwd"]), Path(output["partial"]).parent))
        return {"full": str(full)} if full else {}

    def write_end(self, record: Record) -> None:
        """Write the end down; on a full disk, hold the lock and the truth until it fits."""
        while True:
            try:
                return self.write("exit.json", record)
            except OSError as error:  # noqa: PERF203
                if error.errno not in _FULL:
                    raise
                time.sleep(_FULL_TICK_S)

    def write(self, name: str, record: Record) -> None:
        """Replace a record, durably."""
        write_atomic(self.folder / name, json.dumps(record).encode())


def identity(pid: int) -> list[int]:
    """Return pid and start time."""
    stat = read_stat(pid)
    return [pid, stat.start if stat else 0]


def say(word: str) -> None:
    """Tell whoever started us how it went; it may be gone already, which is no reason to die."""
    try:
        os.write(1, word.encode() + b"\n")
    except OSError:
        pass
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)


def main(folder: Path) -> None:
    """Leave the parent, take the lock, run; a job that has run already is left alone."""
    if os.fork():
        os._exit(0)  # so that whoever submits gets no child of ours and no zombie
    umask = os.umask(0o077)
    lock = open_lock(str(folder / "lock"))
    if take_lock(lock) and not (folder / "state.json").exists():
        Supervisor(folder, lock, umask).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
