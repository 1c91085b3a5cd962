#!/usr/bin/env python3
"""Measures `ez server` on this machine: jobs from end to end, the time from asking to the beginning, lists, the log's way, memory.

    python3 tests/bench/server.py --ez target/release/ez [--jobs 1000] [--agents 1000] [--soak 100000] [--markdown]

Everything is durable as in daily use. Where `wrk` is installed it asks for lists and hands in jobs, because this
script cannot ask as fast as the server answers.
"""

import argparse
import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import struct
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


# As in `server/src/wire.rs`.
WIRE_VERSION = 3


class Server:
    def __init__(self, ez, directory, slots):
        self.command = [ez, "server", "start", "--port", "0", "--slots", str(slots)]
        self.directory = directory
        self.start()

    def start(self):
        """Starts it; how long it takes until it listens, in seconds."""
        began = time.perf_counter()
        self.process = subprocess.Popen(self.command, cwd=self.directory, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        self.host = line.strip().rsplit("http://", 1)[1]
        return time.perf_counter() - began

    def connection(self):
        return http.client.HTTPConnection(self.host, timeout=120)

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

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


def asked_by_wrk(server, path, seconds, body=None):
    """How many requests a second `wrk` gets answered; `None` where it is not installed."""
    if not shutil.which("wrk"):
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if body is not None:
            script.write(f"wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = [[{json.dumps(body)}]]\n")
        script.flush()
        url = f"http://{server.host}/api/v1{path}"
        command = ["wrk", "-t1", "-c8", f"-d{seconds}", "-s", script.name, url]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        sys.exit(said)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))


def connect_agent(server, number):
    """An agent that says its name and nothing more; its connection."""
    host, port = server.host.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)))
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET /api/v1/ws HTTP/1.1\r\nHost: {server.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    data = {"version": WIRE_VERSION, "name": f"agent-{number}", "instance": f"{number:032x}", "tags": [], "slots": 1, "attempts": []}
    text = json.dumps({"event": "node_register", "seq": 1, "data": data}).encode()
    # A mask of zeros leaves the text as it is.
    connection.sendall(struct.pack("!BBH", 0x81, 0x80 | 126, len(text)) + bytes(4) + text)
    return connection


def agents(server, count):
    """The server's memory with so many agents, in MiB."""
    connections = [connect_agent(server, number) for number in range(count)]
    connection = server.connection()
    while len(ask(connection, "GET", "/nodes")["nodes"]) <= count:
        time.sleep(0.05)
    memory = server.rss()
    for agent in connections:
        agent.close()
    return memory


def soak(server, jobs, parts=10):
    """Memory and open files after each part of many jobs, and how long a start takes after them."""
    found = []
    for _ in range(parts):
        throughput(server, jobs // parts)
        found.append((server.rss(), server.open_files()))
    server.stop()
    return found, server.start()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ez", required=True)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--agents", type=int, default=0)
    parser.add_argument("--soak", type=int, default=0)
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
            listed = asked_by_wrk(server, "/jobs", 4)
            if listed is None:
                rows.append(("`GET /jobs`, 50 jobs, from this script", f"{lists(server, 3):.0f}/s"))
            else:
                rows.append(("`GET /jobs`, 50 jobs, from wrk", f"{listed:.0f}/s"))
            kept, read = log_rate(server, 256)
            rows.append(("log from a job to a client, as events", f"{kept:.0f} MiB/s"))
            rows.append(("a log that is there, as text", f"{read:.0f} MiB/s"))
            rows.append(("memory after all of it", f"{server.rss():.0f} MiB"))
            if args.agents:
                rows.append((f"memory with {args.agents} agents", f"{agents(server, args.agents):.0f} MiB"))
            if args.soak:
                found, start = soak(server, args.soak)
                for part, (memory, files) in enumerate(found, 1):
                    rows.append((f"after {part * args.soak // len(found)} jobs", f"{memory:.0f} MiB, {files} open files"))
                rows.append(("a start after them", f"{start * 1000:.0f} ms"))
        finally:
            server.stop()
    for name, value in rows:
        print(f"| {name} | {value} |" if args.markdown else f"{name:45} {value}")


if __name__ == "__main__":
    main()
