"""The layering rules, read from the source: runs in milliseconds and imports nothing of ours."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
ROOT = PROJECT / "helpdesk"
DOORS = {"services", "models", "policy", "errors", "database", "extensions", "logs", "languages"}
MAY_IMPORT = {  # layer -> other layers it may import; app.py may import everything
    "errors": set(),
    "logs": set(),
    "extensions": set(),
    "database": set(),
    "languages": set(),
    "mail": set(),
    "queue": {"database"},
    "storage": {"errors", "database"},
    "policy": {"errors"},
    "transports": {"errors", "mail", "policy", "extensions"},
    "models": {"database", "mail", "policy"},
    "services": {
        "errors",
        "logs",
        "languages",
        "database",
        "queue",
        "storage",
        "extensions",
        "models",
        "mail",
        "policy",
        "transports",
    },
    "jobs": DOORS | {"queue"},
    "web": DOORS,
    "api": DOORS,
    "demo": DOORS | {"mail"},  # writes mails as customers do
    "cli": DOORS | {"demo"},
}
PURE = {"mail", "policy", "errors"}
IO = {
    "asyncio",
    "flask",
    "flask_sqlalchemy",
    "http",
    "imapclient",
    "imaplib",
    "poplib",
    "redis",
    "requests",
    "rq",
    "smtplib",
    "socket",
    "sqlalchemy",
    "subprocess",
    "urllib.request",
}
SOCKETS = {"imapclient", "imaplib", "poplib", "redis", "requests", "smtplib", "socket", "urllib.request"}
OPENS_SOCKETS = {"transports", "storage", "queue", "jobs"}  # jobs: RQ and rq-scheduler themselves
FILES = {
    ".".join(p.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): p
    for p in sorted(ROOT.rglob("*.py"))
}


def tree(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def imports(name):
    for node in ast.walk(tree(name)):  # function-level imports count too
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]


def layer(name):
    return [*name.split("."), "app"][1]


def external(imported, names):
    return imported in names or imported.split(".")[0] in names


def test_the_package_is_found():
    assert len(FILES) > 1


def test_each_layer_imports_only_what_it_may():
    assert not [
        f"{n} imports {d}"
        for n in FILES
        if layer(n) != "app"
        for d in imports(n)
        if d.startswith("helpdesk.") and layer(d) not in {layer(n), *MAY_IMPORT[layer(n)]}
    ]


def test_pure_packages_do_no_io():
    assert not [f"{n} imports {d}" for n in FILES if layer(n) in PURE for d in imports(n) if external(d, IO)]


def test_sockets_are_opened_at_the_transports_only():
    assert not [
        f"{n} imports {d}"
        for n in FILES
        if layer(n) not in OPENS_SOCKETS | {"app"}
        for d in imports(n)
        if external(d, SOCKETS)
    ]


def test_no_relative_imports():
    assert not [
        n for n in FILES for node in ast.walk(tree(n)) if isinstance(node, ast.ImportFrom) and node.level
    ]


def test_no_import_cycles():
    def reached(n):  # importing a.b.c runs a and a.b first
        parents = {d.rsplit(".", i)[0] for d in imports(n) for i in range(d.count(".") + 1)}
        return sorted(p for p in parents if p in FILES and p != n and not n.startswith(p + "."))

    def visit(n, path):
        assert n not in path, " -> ".join([*path[path.index(n) :], n])
        if n not in done:
            for d in reached(n):
                visit(d, [*path, n])
            done.add(n)

    done = set()
    for n in FILES:
        visit(n, [])


def test_modules_stay_small():
    assert not [n for n, p in FILES.items() if p.read_text(encoding="utf-8").count("\n") > 350]


def test_only_the_database_module_commits():
    assert not [
        f"{n}:{node.lineno}"
        for n in FILES
        if n != "helpdesk.database"
        for node in ast.walk(tree(n))
        if isinstance(node, ast.Attribute) and node.attr == "commit"
    ]


@pytest.mark.parametrize("name", ["pickle", "shelve", "marshal"])
def test_nothing_is_pickled(name):
    assert not [n for n in FILES if name in set(imports(n))]


def test_no_shell_and_no_eval():
    def bad(node):
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Name):
            return node.func.id in {"eval", "exec"}
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"system", "popen"}:
            return True
        return any(
            k.arg == "shell" and isinstance(k.value, ast.Constant) and k.value.value is True
            for k in node.keywords
        )

    assert not [f"{n}:{node.lineno}" for n in FILES for node in ast.walk(tree(n)) if bad(node)]
