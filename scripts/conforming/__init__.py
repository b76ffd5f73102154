"""How a checkout of the ETSI NGSI-LD test suite, which the user brings, is run against dothi without a network."""
