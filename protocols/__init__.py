"""Sans-I/O codecs and sessions, used by both ends of every wire."""
