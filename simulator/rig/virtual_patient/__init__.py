"""`pumpsim patient`: an order's infusions given to the virtual patient. Refuses to be asked what dose is right."""
