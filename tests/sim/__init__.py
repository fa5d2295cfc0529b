"""Tests of the exchange in a box."""
