"""Brokers: what speaks to a venue. Values and errors of the tree come out, no wire format does.

A broker may use the words, the calendar and the bus; it never knows who asks (data, feeds, programs).
"""
