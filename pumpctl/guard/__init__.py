"""The guard: a small process of its own that can stop the pumps when the daemon cannot.

The second way to stop (ADR 0009); hazards H46, H47, H51, H56. It refuses to know protocols, drugs
and orders: STOP and STOPPED are bytes that the daemon gave it for each channel. All it ever
writes to a pump is `00` and those STOP bytes, and only to a channel that was armed. Standard library only.
"""
