#!/usr/bin/env python3
"""Types into a big Taskfile for a long time, and tells how the memory of the language server grows.

The bound: after 20,000 edits at most a fifth more than after 1,000. Each edit is told of by findings before the next one is
made, so that no edit is passed over. Python's standard library is all that is needed.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

PIECES = ["x", " ", "\n", ":", "- ", "'", "{{", "}}", "{{.X}}", "ü", "😀", "\n    deps: [unit-3]\n", "\n  new:\n    cmds: [echo]\n"]


def taskfile(count):
    lines = ["version: '3'", "", "vars:", "  APP: demo", "", "tasks:"]
    for unit in range(count):
        lines += [f"  unit-{unit}:", f"    desc: Unit {unit}", "    cmds:", f"      - go build -o {{{{.APP}}}}-{unit} ./cmd/{unit}"]
        if unit:
            lines.append(f"    deps: [unit-{unit - 1}]")
        lines.append("")
    return "\n".join(lines)


class Server:
    def __init__(self, program, root):
        self.process = subprocess.Popen([program, "lsp"], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.last_id = 0

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self):
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if not length:
            sys.exit("the server has ended")
        return json.loads(self.process.stdout.read(length))

    def ask(self, method, params):
        self.last_id += 1
        self.send({"id": self.last_id, "method": method, "params": params})
        while (message := self.receive()).get("id") != self.last_id:
            pass
        return message["result"]

    def wait_for_version(self, version):
        while True:
            message = self.receive()
            params = message.get("params", {})
            if message.get("method") == "textDocument/publishDiagnostics" and params.get("version") == version:
                return

    def memory(self):
        """Resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024


def place(text, at):
    before = text[:at]
    line = before.count("\n")
    return {"line": line, "character": len(before.rsplit("\n", 1)[-1].encode("utf-16-le")) // 2}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ez", required=True, help="the program")
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--edits", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=1_000, help="the edit after which the memory is taken as usual")
    arguments = parser.parse_args()
    chosen = random.Random(7)
    original = text = taskfile(arguments.tasks)
    with tempfile.TemporaryDirectory(prefix="ez-bench-") as root:
        path = Path(root, "Taskfile.yml")
        path.write_text(text)
        uri = path.as_uri()
        server = Server(arguments.ez, root)
        server.ask("initialize", {"capabilities": {}, "rootUri": Path(root).as_uri()})
        server.send({"method": "initialized", "params": {}})
        document = {"uri": uri, "languageId": "yaml", "version": 0, "text": text}
        server.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        usual = None
        for version in range(1, arguments.edits + 1):
            if chosen.random() < 0.05:
                text, changes = original, [{"text": original}]
            else:
                start = chosen.randrange(len(text))
                end = min(len(text), start + (chosen.randrange(10) if chosen.random() < 0.3 else 0))
                piece = chosen.choice(PIECES)
                changes = [{"range": {"start": place(text, start), "end": place(text, end)}, "text": piece}]
                text = text[:start] + piece + text[end:]
            document = {"uri": uri, "version": version}
            server.send({"method": "textDocument/didChange", "params": {"textDocument": document, "contentChanges": changes}})
            server.wait_for_version(version)
            if version == arguments.first:
                usual = server.memory()
        last = server.memory()
        server.ask("shutdown", None)
        server.send({"method": "exit", "params": None})
        server.process.wait()
    usual = usual or last
    print(f"after {arguments.first} edits {usual:.1f} MiB, after {arguments.edits} edits {last:.1f} MiB: {last / usual:.2f} times")
    sys.exit(0 if last <= usual * 1.2 else 1)


if __name__ == "__main__":
    main()
