"""Letters on their way: lanes in order, HTTP and MQTT, tried again, given up."""
