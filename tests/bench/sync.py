#!/usr/bin/env python3
"""Measures how files get to a server: 10,000 of which none changed, and 500 MB for the first time, beside rsync over the loopback in the same run.

    python3 tests/bench/sync.py --ez target/release/ez [--rounds 3] [--markdown]

rsync talks to a daemon of its own on this machine, as `ez` does to a server; unlike `ez` it does not have the disk confirm what it wrote.
Each number is the median of the rounds.
"""

import argparse
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TASKFILE = """version: '3'
silent: true
tasks:
  nothing:
    ez-remote: {sync_in: [data], sync_out: []}
    cmds: [':']
"""

MANY = 10_000
LARGE, LARGE_BYTES = 100, 4_000_000
SMALL, SMALL_BYTES = 5_000, 20_000


class Server:
    """`ez server start` in a new directory."""

    def __init__(self, ez, directory):
        directory.mkdir()
        (directory / "Taskfile.yml").write_text("version: '3'\ntasks: {}\n")
        command = [ez, "server", "start", "--port", "0", "--slots", "1"]
        self.process = subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, text=True)
        self.url = "http://" + self.process.stderr.readline().strip().rsplit("http://", 1)[1]

    def stop(self):
        self.process.kill()
        self.process.wait()


class Rsync:
    """An rsync daemon that writes into a new directory."""

    def __init__(self, directory):
        directory.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = directory / "rsyncd.conf"
        (directory / "to").mkdir()
        config.write_text(f"use chroot = no\nuid = {os.getuid()}\ngid = {os.getgid()}\n[to]\npath = {directory}/to\nread only = no\n")
        command = ["rsync", "--daemon", "--no-detach", "--address", "127.0.0.1", "--port", str(self.port), "--config", str(config)]
        self.process = subprocess.Popen(command)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.01)

    def send(self, project):
        begun = time.monotonic()
        subprocess.run(["rsync", "-a", f"{project}/data", f"rsync://127.0.0.1:{self.port}/to/"], check=True)
        return time.monotonic() - begun

    def stop(self):
        self.process.kill()
        self.process.wait()


def send(ez, server, project):
    """How long the sync took, how long the whole job, and what was sent."""
    begun = time.monotonic()
    command = [ez, "run", "--remote", "--server", server.url, "nothing"]
    done = subprocess.run(command, cwd=project, stderr=subprocess.PIPE, text=True)
    whole = time.monotonic() - begun
    told = re.search(r"(\d+) files, (\d+) contents sent \((\d+) bytes\) in (\d+) ms", done.stderr)
    if done.returncode != 0 or not told:
        sys.exit(f"ez: {done.returncode} {done.stderr}")
    return int(told[4]) / 1000, whole, int(told[3])


def project_of(directory, files):
    (directory / "data").mkdir(parents=True)
    (directory / "Taskfile.yml").write_text(TASKFILE)
    for number, size in enumerate(files):
        folder = directory / "data" / str(number // 100)
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.bin").write_bytes(os.urandom(size))
    return directory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ez", default="target/release/ez")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    ez = str(pathlib.Path(arguments.ez).resolve())
    if not shutil.which("rsync"):
        sys.exit("rsync is missing: apt-get install rsync")
    rows = []
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        many = project_of(place / "many", [500] * MANY)
        server, rsync = Server(ez, place / "server-many"), Rsync(place / "rsync-many")
        send(ez, server, many)
        rsync.send(many)
        # Digests of files that were just written are not kept.
        send(ez, server, many)
        ours = [send(ez, server, many) for _ in range(arguments.rounds * 3)]
        theirs = [rsync.send(many) for _ in range(arguments.rounds * 3)]
        assert all(sent == 0 for _, _, sent in ours)
        server.stop()
        rsync.stop()
        rows.append(("10,000 files, none changed", statistics.median(sync for sync, _, _ in ours), statistics.median(theirs), "150 ms"))
        rows.append(("the same, with laying them out for the job", statistics.median(whole for _, whole, _ in ours), None, "–"))

        big = project_of(place / "big", [LARGE_BYTES] * LARGE + [SMALL_BYTES] * SMALL)
        ours, theirs = [], []
        for round in range(arguments.rounds):
            shutil.rmtree(big / ".ez", ignore_errors=True)
            rsync = Rsync(place / f"rsync-{round}")
            theirs.append(rsync.send(big))
            rsync.stop()
            shutil.rmtree(place / f"rsync-{round}")
            os.sync()
            server = Server(ez, place / f"server-{round}")
            ours.append(send(ez, server, big))
            server.stop()
            shutil.rmtree(place / f"server-{round}")
            os.sync()
        sync, rsync_took = statistics.median(sync for sync, _, _ in ours), statistics.median(theirs)
        rows.append(("500 MB in 5,100 files, for the first time", sync, rsync_took, f"60 % of rsync's speed; it is {100 * rsync_took / sync:.0f} %"))
        rows.append(("the same, with laying them out for the job", statistics.median(whole for _, whole, _ in ours), None, "–"))
    for what, sync, theirs, aim in rows:
        shown = "–" if theirs is None else f"{theirs * 1000:.0f} ms"
        print(f"| {what} | {sync * 1000:.0f} ms | {shown} | {aim} |" if arguments.markdown else f"{what:50} {sync * 1000:8.0f} ms   rsync {shown:>10}   aim {aim}")


if __name__ == "__main__":
    main()
