"""Fail when a source file has no test file of its own name in the same room."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SOURCE, TESTS = ROOT / "src" / "ktconnect", ROOT / "tests" / "unit"
KERNEL = ROOT / "tests" / "netns"  # what only a real kernel can answer
WITHOUT_BEHAVIOUR = {"__init__.py", "errors.py"}


def has_behaviour(path: Path) -> bool:
    """Whether any function does something; protocols and constants have nothing to test."""
    if path.name in WITHOUT_BEHAVIOUR:
        return False
    nodes = ast.walk(ast.parse(path.read_text()))
    return any(isinstance(node, FUNCTIONS) and does_something(node) for node in nodes)


def does_something(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return not all(
        isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant)
        for step in function.body
    )


def main() -> int:
    missing = []
    for path in sorted(SOURCE.rglob("*.py")):
        room = path.relative_to(SOURCE).parent
        name = f"test_{path.name.replace('__', '')}"
        places = (TESTS / room / name, KERNEL / name)
        if has_behaviour(path) and not any(place.exists() for place in places):
            missing.append(f"{path.relative_to(ROOT)} has no tests/unit/{room}/{name}")
    print("\n".join(missing) or "every source file has its test file")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
