"""What is known of the MIVA pump's serial link (docs/dialects/miva.md): framing, requests, answers, Rx, event log."""
