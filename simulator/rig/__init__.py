"""The only place that imports both the daemon and the simulator."""
