"""The ground that every module stands on: errors, clock, working calendar, ids, geometry and Vietnamese text."""
