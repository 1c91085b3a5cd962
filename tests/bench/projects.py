"""Makes the projects that the benchmarks run: each for ez, go-task and the peers that can do the same."""

import random
import random
from pathlib import Path


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def hello(root):
    """One task that echoes one word."""
    _write(root / "Taskfile.yml", "version: '3'\ntasks:\n  hello:\n    cmds: [echo hello]\n    silent: true\n")
    _write(root / "justfile", "hello:\n    @echo hello\n")


def true_tasks(root, count=1000):
    """Many tasks of /bin/true, all dependencies of one."""
    names = [f"t{i}" for i in range(count)]
    tasks = "".join(f"  {name}: {{cmds: [/bin/true], silent: true}}\n" for name in names)
    deps = ", ".join(names)
    _write(root / "Taskfile.yml", f"version: '3'\ntasks:\n  all:\n    deps: [{deps}]\n{tasks}")

    # An output that is never made keeps every edge out of date, as a task without sources is.
    edges = "".join(f"build {name}: run\n" for name in names)
    _write(root / "build.ninja", f"rule run\n  command = /bin/true\n{edges}build all: phony {' '.join(names)}\n")

    rules = "".join(f"{name}:\n\t@/bin/true\n" for name in names)
    _write(root / "Makefile", f".PHONY: all {' '.join(names)}\nall: {' '.join(names)}\n{rules}")


def many_tasks(root, count=5000):
    """Many tasks as a generator would write them: description, variables, a dependency, commands."""
    tasks = []
    for i in range(count):
        dep = f"    deps: [task-{i - 1}]\n" if i % 10 else ""
        tasks.append(
            f"  task-{i}:\n    desc: Build part {i} of the product\n{dep}"
            f"    vars:\n      PART: part-{i}\n      OUT: '{{{{.PART}}}}.out'\n"
            f"    cmds:\n      - echo \"building {{{{.PART}}}}\"\n      - touch {{{{.OUT}}}}\n"
        )
    _write(root / "Taskfile.yml", "version: '3'\ntasks:\n" + "".join(tasks))


def many_sources(root, count=20000, per_directory=100):
    """One task over many small files."""
    _write(
        root / "Taskfile.yml",
        "version: '3'\ntasks:\n  build:\n    sources: ['src/**/*.txt']\n    generates: [out]\n"
        "    cmds: [touch out]\n    silent: true\n",
    )
    for i in range(count):
        _write(root / "src" / f"d{i // per_directory:03}" / f"f{i:05}.txt", f"file {i}\n" * 20)


def plan(root, steps=2000):
    """The same graph of steps that do nothing as a plan, for ninja and for make."""
    chance = random.Random(7)
    graph = {f"s{i}": sorted({f"s{chance.randrange(max(0, i - 50), i)}" for _ in range(chance.randrange(3)) if i})
             for i in range(steps)}
    lines = [f"  - {{name: {name}, task: nop, needs: [{', '.join(needs)}]}}\n" for name, needs in graph.items()]
    _write(root / "Taskfile.yml", "version: '3'\ntasks:\n  nop: {cmds: ['true']}\n")
    _write(root / "plans/p.yml", "steps:\n" + "".join(lines))
    edges = [f"build {name}: nop {' '.join(needs)}\n" for name, needs in graph.items()]
    _write(root / "build.ninja", "rule nop\n  command = true\n" + "".join(edges))
    rules = [f"{name}: {' '.join(needs)}\n\t@true\n" for name, needs in graph.items()]
    _write(root / "Makefile", f"all: {' '.join(graph)}\n.PHONY: all {' '.join(graph)}\n" + "".join(rules))
