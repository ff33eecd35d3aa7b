"""The daemon and its command line. Nothing here knows the simulator."""

__version__ = "0.1.0"
