"""`make demo`: what the daemon, the pump and the guard do, shown with the real commands to somebody who is new here."""
