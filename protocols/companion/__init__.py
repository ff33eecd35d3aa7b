"""The open pump link of SPEC.md: framing, messages, session."""
