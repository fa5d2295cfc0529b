"""Market state: what is known after each bar, computed once and shared by all patterns. Pure."""
