"""MQTT: readings from a broker, acknowledged only after they are on disk."""
