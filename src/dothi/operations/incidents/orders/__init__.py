"""Orders to units in an incident: given, received, arrived, done with proof; brought before others when late."""
