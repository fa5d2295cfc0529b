"""Benchmarks: ratios against floors measured in the same run. Never imported by SOS or run as timed tests."""
