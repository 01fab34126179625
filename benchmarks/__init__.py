"""Commands that measure, side by side in one run; `make bench` writes docs/benchmarks.md.

Each module is one benchmark (`python -m benchmarks.<name>`): it asserts that both sides did the
same, prints its figures, and leaves them in `results/<name>.json`.
"""
