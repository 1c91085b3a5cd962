#!/usr/bin/env python3
"""Measures ez beside the programs that it is compared with, and says whether the bounds hold.

  bounds.py --ez target/release/ez [--rounds N] [--only NAME] [--markdown] [--check]

The programs of a benchmark take turns: every round runs each of them once, in an order that rotates, and gives one
ratio for each peer, so that a busy moment of the machine hits both sides. The ratio that counts is the median of the
rounds. Times are those of the whole process, from spawn to reaping.

Peers are looked for in dep/peers/bin and dep/ (`ez peers oracle`), then on PATH. Needs Python 3.9 and nothing else.
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
import projects  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
CORES = os.cpu_count() or 1


def find(name):
    """The path of a peer; None where there is none."""
    for directory in (REPOSITORY / "dep/peers/bin", REPOSITORY / "dep"):
        if (directory / name).exists():
            return str((directory / name).resolve())
    found = shutil.which(name)
    # A shim of a version manager costs more than what is measured.
    if found and "shims" in Path(found).parts:
        found = os.popen(f"pyenv which {name} 2>/dev/null").read().strip() or found
    return found


def benchmarks(ez, task_link):
    """Each: name, what it is, bounds by peer, project generator, commands by program, whether one run prepares."""
    jobs = f"-j{CORES}"
    task = find("task")
    return [
        {
            "name": "hello",
            "what": "`ez hello` (one echo), whole process",
            "bounds": {"just": 1.5, "task": 1 / 10},
            "make": projects.hello,
            "run": {"ez": [ez, "hello"], "just": [find("just"), "hello"], "task": [task, "hello"]},
        },
        {
            "name": "true",
            "what": "1,000 tasks of `/bin/true`",
            "bounds": {"better of ninja, make": 1.0, "task": 1 / 5},
            "make": projects.true_tasks,
            "run": {
                "ez": [ez, "all"],
                "ninja": [find("ninja"), "--quiet", "all"],
                "make": [find("make"), "-s", jobs, "all"],
                "task": [task, "all"],
            },
        },
        {
            "name": "list",
            "what": "`--list-all --json` of 5,000 tasks",
            "bounds": {"task": 1 / 30},
            "make": projects.many_tasks,
            "run": {"ez": [task_link, "--list-all", "--json"], "task": [task, "--list-all", "--json"]},
        },
        {
            "name": "sources",
            "what": "nothing-to-do check of 20,000 sources",
            "bounds": {"task": 1 / 5},
            "make": projects.many_sources,
            "run": {"ez": [ez, "build"], "task": [task, "build"]},
        },
        {
            "name": "plan",
            "what": "a plan of 2,000 steps that do nothing, each written to the journal",
            # No bound: the peers write nothing down.
            "bounds": {"ninja": None, "make": None},
            "make": projects.plan,
            "run": {
                "ez": [ez, "plan", "run", "p", f"--jobs={CORES}"],
                "ninja": [find("ninja"), "--quiet"],
                "make": [find("make"), "-s", jobs],
            },
        },
    ]


def timed(argv):
    """Seconds that one run takes; what it writes is thrown away."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - start
    os.close(null)
    if status != 0:
        sys.exit(f"{' '.join(argv)} failed with {os.waitstatus_to_exitcode(status)}")
    return seconds


def measure(benchmark, rounds, warm_up):
    """Times by program, one a round."""
    programs = {name: argv for name, argv in benchmark["run"].items() if argv[0]}
    names = list(programs)
    times = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="ez-bench-") as directory:
        # A fresh copy for each program: fingerprints of one are not those of the other.
        for name in names:
            benchmark["make"](Path(directory) / name)
        for turn in range(warm_up + rounds):
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                os.chdir(Path(directory) / name)
                seconds = timed(programs[name])
                if turn >= warm_up:
                    times[name].append(seconds)
        os.chdir(REPOSITORY)
    return times


def ratio(times, peer):
    """The median over the rounds of ez's time by the peer's (the better one's, where there are two)."""
    peers = [name for name in ("ninja", "make") if name in times] if peer.startswith("better") else [peer]
    if not all(name in times for name in peers) or not peers:
        return None
    rows = zip(times["ez"], *(times[name] for name in peers))
    if len(peers) > 1:
        # The better one of the whole measurement, not the luckier one of each round.
        best = min(peers, key=lambda name: statistics.median(times[name]))
        rows = zip(times["ez"], times[best])
    return statistics.median(ez / other for ez, other in rows)


def milliseconds(values):
    return f"{statistics.median(values) * 1000:.1f} ({min(values) * 1000:.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ez", default="target/release/ez", help="the release binary")
    parser.add_argument("--rounds", type=int, default=21, help="measured rounds")
    parser.add_argument("--warm-up", type=int, default=3, help="rounds before them that do not count")
    parser.add_argument("--only", action="append", help="the name of a benchmark: hello, true, list, sources, plan")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bound is broken")
    arguments = parser.parse_args()

    ez = str(Path(arguments.ez).resolve())
    if not Path(ez).is_file():
        sys.exit(f"{ez} is missing: cargo build --release -p ez")
    links = tempfile.TemporaryDirectory(prefix="ez-bench-bin-")
    task_link = str(Path(links.name) / "task")
    os.symlink(ez, task_link)

    print(f"{platform.system()} {platform.machine()}, {CORES} cores; {arguments.rounds} rounds; "
          "ms as median (best)\n")
    if arguments.markdown:
        print("| what | beside | bound | ratio | ez, ms | peer, ms | holds |")
        print("|---|---|---|---|---|---|---|")
    broken = False
    for benchmark in benchmarks(ez, task_link):
        if arguments.only and benchmark["name"] not in arguments.only:
            continue
        times = measure(benchmark, arguments.rounds, arguments.warm_up)
        for peer, bound in benchmark["bounds"].items():
            value = ratio(times, peer)
            if value is None:
                print(f"{benchmark['what']}: {peer} is not installed", file=sys.stderr)
                continue
            holds = bound is None or value <= bound
            broken |= not holds
            others = [name for name in ("ninja", "make") if name in times] if peer.startswith("better") else [peer]
            theirs = ", ".join(
                (f"{name} " if len(others) > 1 else "") + milliseconds(times[name]) for name in others)
            limit = "–" if bound is None else f"≤ {bound:g}" if bound >= 1 else f"≤ 1/{1 / bound:g}"
            shown = f"{value:.2f}" if value >= 0.5 else f"1/{1 / value:.1f}"
            ours = milliseconds(times["ez"])
            if arguments.markdown:
                row = (benchmark["what"], peer, limit, shown, ours, theirs, "–" if bound is None else "yes" if holds else "**no**")
                print("| " + " | ".join(row) + " |", flush=True)
            else:
                verdict = "ok  " if holds else "SLOW"
                print(f"{verdict} {benchmark['name']:8} {peer:22} {limit:8} is {shown:7} ez {ours}, peer {theirs}",
                      flush=True)
    links.cleanup()
    return 1 if arguments.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
