"""Option pricing and option chains: Black-76, implied volatility, snapshots and what is read off them.

Pure: values and arrays in, values and arrays out. No file, no clock, no broker. Documented in
docs/sentiment.md; sources stand in each module.
"""
