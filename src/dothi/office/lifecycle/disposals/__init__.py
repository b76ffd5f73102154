"""How data end: counted, decided by two persons, carried out in steps, packed where they are archived."""
