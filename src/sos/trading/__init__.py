"""Trading: signals become plans, approved orders, fills, positions, trades and a ledger. Pure.

Flow: `plan` → `risk` (with `size`) → `execution` (with `orders`, `exits`) → `venue`, joined by `desk`; `scan`
and `straight` are the desk's fast path over columns. Rules: docs/semantics.md.
"""
