"""The private authority of a household or a bench: who may speak at the broker. Refuses to know MQTT and the daemon."""
