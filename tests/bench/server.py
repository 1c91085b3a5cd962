#!/usr/bin/env python3
"""Measures `ez server` on this machine: jobs from end to end, the time from asking to the beginning, lists, the log's way, memory.

    python3 tests/bench/server.py --ez target/release/ez [--jobs 1000] [--markdown]

Everything is durable as in daily use, and the local agent starts a process for each job.
"""

import argparse
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TASKFILE = """version: '3'
silent: true
tasks:
  nothing: ':'
  much: yes 'a line as programs write them, neither very long nor very short, and then more' | head -c {{.BYTES}}
"""


class Server:
    def __init__(self, ez, directory, slots):
        command = [ez, "server", "start", "--port", "0", "--slots", str(slots)]
        self.process = subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        self.host = line.strip().rsplit("http://", 1)[1]

    def connection(self):
        return http.client.HTTPConnection(self.host, timeout=120)

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def stop(self):
        self.process.terminate()
        self.process.wait()


def ask(connection, method, path, body=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    data = answer.read()
    if answer.status >= 300:
        sys.exit(f"{method} {path}: {answer.status} {data[:300]}")
    return json.loads(data) if data else None


def end_of(connection, job):
    """The record of a job when it has ended; the stream of its log tells when that is."""
    connection.request("GET", f"/api/v1/jobs/{job}/logs", headers={"Connection": "close"})
    connection.getresponse().read()
    connection.close()
    return ask(connection, "GET", f"/jobs/{job}")


def throughput(server, jobs, clients=4):
    def submit(count):
        connection = server.connection()
        for _ in range(count):
            ask(connection, "POST", "/tasks/run", {"task": "nothing"})

    began = time.perf_counter()
    threads = [threading.Thread(target=submit, args=(jobs // clients,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted = time.perf_counter() - began
    connection = server.connection()
    # The last that waits is begun last; a drained queue is seen by the numbers.
    while True:
        stats = ask(connection, "GET", "/stats")
        if stats["pending"] == 0 and stats["running"] == 0:
            break
        time.sleep(0.005)
    return jobs / accepted, jobs / (time.perf_counter() - began)


def latency(server, count):
    connection, found = server.connection(), []
    for _ in range(count):
        job = ask(connection, "POST", "/tasks/run", {"task": "nothing"})["job"]
        record = end_of(connection, job)
        found.append(record["started"] - record["created"])
    found.sort()
    return statistics.median(found), found[min(len(found) - 1, int(len(found) * 0.99))]


def lists(server, seconds, clients=2):
    counts, stop = [0] * clients, time.perf_counter() + seconds

    def look(number):
        connection = server.connection()
        while time.perf_counter() < stop:
            ask(connection, "GET", "/jobs")
            counts[number] += 1

    threads = [threading.Thread(target=look, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def log_rate(server, megabytes):
    connection = server.connection()
    began = time.perf_counter()
    job = ask(connection, "POST", "/tasks/run", {"task": "much", "vars": {"BYTES": str(megabytes << 20)}})["job"]
    end_of(connection, job)
    kept = time.perf_counter() - began
    began = time.perf_counter()
    connection.request("GET", f"/api/v1/jobs/{job}/logs?format=text")
    length = len(connection.getresponse().read())
    if length != megabytes << 20:
        sys.exit(f"the log has {length} bytes")
    return megabytes / kept, megabytes / (time.perf_counter() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ez", required=True)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        pathlib.Path(directory, "Taskfile.yml").write_text(TASKFILE)
        server = Server(os.path.abspath(args.ez), directory, args.slots)
        try:
            ask(server.connection(), "GET", "/tasks")
            rows.append(("memory of an idle server", f"{server.rss():.0f} MiB"))
            median, slow = latency(server, 100)
            rows.append(("from asking to the beginning, p50", f"{median} ms"))
            rows.append(("the same, p99", f"{slow} ms"))
            accepted, ended = throughput(server, args.jobs)
            rows.append(("jobs accepted, each durable", f"{accepted:.0f}/s"))
            rows.append(("jobs that do nothing, from end to end", f"{ended:.0f}/s"))
            rows.append(("`GET /jobs`, 50 jobs, from this script", f"{lists(server, 3):.0f}/s"))
            kept, read = log_rate(server, 256)
            rows.append(("log from a job to a client, as events", f"{kept:.0f} MiB/s"))
            rows.append(("a log that is there, as text", f"{read:.0f} MiB/s"))
            rows.append(("memory after all of it", f"{server.rss():.0f} MiB"))
        finally:
            server.stop()
    for name, value in rows:
        print(f"| {name} | {value} |" if args.markdown else f"{name:45} {value}")


if __name__ == "__main__":
    main()
