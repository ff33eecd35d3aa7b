"""What is said by MQTT, to whom and in which form. Refuses to know a connection: nothing here sends anything."""
