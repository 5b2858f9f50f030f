# What one does in this repository, a command each. CONTRIBUTING.md has the same; `just --list` shows them.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Make .venv with all that the others take, in the versions of the lock
setup:
    uv sync --locked --all-extras

# Run the tests that touch every room in about a minute
fast:
    .venv/bin/python -m pytest -m "not slow and not server"

# Run all tests but those that need a server
tests:
    .venv/bin/python -m pytest --numprocesses=auto --dist=worksteal -m "not server"

# Check everything, as a change is checked before it lands: README's commands, both ends of the SDK, servers
all:
    bash .ci/run

# Format what can be formatted
format:
    .venv/bin/ruff check --fix . && .venv/bin/ruff format .

# Lint, types, and which room may know which
check:
    .venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports --no-cache

# Build the site of the documents, strictly: a warning is a fault
docs:
    .venv/bin/sphinx-build -nW --keep-going docs build/site

# Write anew what is made of the code: the reference pages, the house's picture, the Hub's definition, the rules' schema
written:
    for one in tests.reference tests.house tests.hub_definition; do .venv/bin/python -m $one; done; .venv/bin/python tests/mapping/test_schema.py

# Measure speed, beside a bare loop of requests
benchmarks:
    .venv/bin/python -m benchmarks

# Lock the dependencies anew
lock:
    uv lock --upgrade

# Build the sdist and the wheel, and see what PyPI will make of them
build:
    uv build --out-dir dist && uvx twine check --strict dist/*
