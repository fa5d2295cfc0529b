"""Upstox: the read half of its REST interface, tokens, and the login.

`UpstoxClient.call` sends what `endpoints`, `files` and `auth` build; `UpstoxClient.history` and its
neighbours split what the broker does not give at once. Facts and limits: docs/upstox.md.
"""
